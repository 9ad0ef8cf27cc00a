// Command slow-drain takes its time: every request but health checks lasts DRAIN_TIME (a Go duration, default
// 5s), and SIGTERM lets those that are under way finish.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const version = "1"

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	last := 5 * time.Second
	if v := os.Getenv("DRAIN_TIME"); v != "" {
		var err error
		if last, err = time.ParseDuration(v); err != nil {
			log.Fatalf("DRAIN_TIME: %v", err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(last)
		fmt.Fprintf(w, "finished by version %s\n", version)
	})
	serveUntilTerminated(&http.Server{Addr: ":" + port, Handler: mux})
}

func serveUntilTerminated(server *http.Server) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	drained := make(chan error, 1)
	go func() {
		<-ctx.Done()
		log.Print("SIGTERM: finishing what is under way")
		drained <- server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := <-drained; err != nil {
		log.Fatal(err)
	}
	log.Print("drained")
}
