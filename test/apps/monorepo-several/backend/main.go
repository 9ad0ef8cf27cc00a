package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello from the backend") })
	panic(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
