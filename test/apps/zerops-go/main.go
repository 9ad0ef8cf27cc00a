package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "stage %s, built with %s\n", os.Getenv("STAGE"), os.Getenv("BUILT_WITH"))
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}
