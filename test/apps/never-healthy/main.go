// Command never-healthy listens and answers every request, health checks too, with 500.
package main

import (
	"log"
	"net/http"
	"os"
)

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	log.Print("listening, but the database is not there")
	log.Fatal(http.ListenAndServe(":"+port, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.Printf("%s %s: no database", r.Method, r.URL.Path)
		http.Error(w, "no database", http.StatusInternalServerError)
	})))
}
