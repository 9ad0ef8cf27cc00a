// Command web serves.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
)

const version = "1"

func main() {
	greeting := flag.String("greeting", "hi", "what to say")
	flag.Parse()
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%s from a Procfile, version %s\n", *greeting, version)
	})
	log.Fatal(http.ListenAndServe(":"+port, nil))
}
