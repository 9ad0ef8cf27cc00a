package main

import (
	"context"
	"csph/router"
	"log/slog"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := router.RunStandalone(ctx, os.Args[1], os.Args[2], slog.Default()); err != nil {
		slog.Error(err.Error())
	}
}
