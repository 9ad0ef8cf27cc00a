// Command worker works until it is told to stop.
package main

import (
	"context"
	"log"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log.Print("working")
	<-ctx.Done()
	log.Print("done")
}
