// Command slow-start listens only after START_DELAY (a Go duration, default 3s).
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	delay := 3 * time.Second
	if v := os.Getenv("START_DELAY"); v != "" {
		var err error
		if delay, err = time.ParseDuration(v); err != nil {
			log.Fatalf("START_DELAY: %v", err)
		}
	}
	log.Printf("warming up for %s", delay)
	time.Sleep(delay)
	log.Print("ready")
	log.Fatal(http.ListenAndServe(":"+port, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "hello after", delay)
	})))
}
