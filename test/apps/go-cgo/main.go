// Command go-cgo asks C for a number.
package main

// static int answer(void) { return 42; }
import "C"

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, C.answer()) })
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
