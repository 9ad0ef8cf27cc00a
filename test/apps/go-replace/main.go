// Command go-replace uses a module of its own repository.
package main

import (
	"io"
	"log"
	"net/http"
	"os"

	"example.com/greet"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, greet.Hello) })
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
