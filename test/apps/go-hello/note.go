package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// folder is where a volume may be.
const folder = "/data"

// readNote answers with what was written last.
func readNote(w http.ResponseWriter, _ *http.Request) {
	text, err := os.ReadFile(filepath.Join(folder, "note"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Write(text)
}

// writeNote keeps the body.
func writeNote(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "note"), text, 0o600)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
