(ns clojure-getting-started.web)
