// Command go-embed serves a frontend that Node.js builds and go build takes in.
package main

import (
	"embed"
	"io/fs"
	"log"
	"net/http"
	"os"
)

//go:embed all:web/dist
var built embed.FS

func main() {
	site, err := fs.Sub(built, "web/dist")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), http.FileServerFS(site)))
}
