(defproject clojure-getting-started "1.0.0-SNAPSHOT"
  :dependencies [[org.clojure/clojure "1.11.1"]
                 [compojure "1.7.0"]
                 [ring/ring-jetty-adapter "1.10.0"]]
  :min-lein-version "2.0.0"
  :uberjar-name "clojure-getting-started-standalone.jar"
  :profiles {:production {:env {:production true}}})
