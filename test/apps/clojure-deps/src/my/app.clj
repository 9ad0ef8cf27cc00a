(ns my.app
  (:gen-class))

(defn -main [& _]
  (println (System/getenv "PORT")))
