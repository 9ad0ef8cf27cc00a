(ns build
  (:require [clojure.tools.build.api :as b]))

(def class-dir "target/classes")

(defn clean [_]
  (b/delete {:path "target"}))

(defn uber [_]
  (clean nil)
  (b/uber {:class-dir class-dir :uber-file "target/app-standalone.jar" :main 'my.app}))
