// Command dockerfile-hello is built by its own Dockerfile.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

const version = "1"

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "hello from a Dockerfile, version %s\n", version)
	})
	log.Printf("version %s listens on port %s", version, port)
	log.Fatal(http.ListenAndServe(":"+port, nil))
}
