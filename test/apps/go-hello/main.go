// Command go-hello is the app most tests push: it greets with its version, and misbehaves on request.
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

// version is what a test changes to see a new deployment take over.
const version = "1"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	server := &http.Server{Addr: ":" + port, Handler: routes(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		log.Print("stopping")
		grace, cancel := context.WithTimeout(context.Background(), 25*time.Second)
		defer cancel()
		if err := server.Shutdown(grace); err != nil {
			log.Print(err)
		}
	}()
	log.Printf("version %s listens on port %s", version, port)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", hello)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /whoami", whoami)
	mux.HandleFunc("GET /env", env)
	mux.HandleFunc("GET /note", readNote)
	mux.HandleFunc("PUT /note", writeNote)
	mux.HandleFunc("GET /slow", slow)
	mux.HandleFunc("GET /burn", burn)
	mux.HandleFunc("GET /alloc", alloc)
	mux.HandleFunc("GET /exit", exit)
	mux.HandleFunc("GET /events", events)
	mux.HandleFunc("GET /ws", echoWebSocket)
	return mux
}
