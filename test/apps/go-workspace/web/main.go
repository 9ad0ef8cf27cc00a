// Command web serves the greeting of a sibling module.
package main

import (
	"io"
	"log"
	"net/http"
	"os"

	"example.com/workspace/greet"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, greet.Hello()) })
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
