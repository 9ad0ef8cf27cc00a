package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/pkg/sftp"
)

// served is a client of a server in a folder of its own; done tells how the server has ended.
func served(t *testing.T) (client *sftp.Client, dir string, done <-chan error) {
	t.Helper()
	dir = t.TempDir()
	t.Chdir(dir)
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serve(in, out) }()
	client, err := sftp.NewClientPipe(fromServer, toServer)
	if err != nil {
		t.Fatal(err)
	}
	return client, dir, ended
}

func TestFilesAreReadAndWrittenInTheFolderOfTheApp(t *testing.T) {
	client, dir, done := served(t)
	if at, err := client.Getwd(); err != nil || at != dir {
		t.Errorf("it begins in %q, %v", at, err)
	}
	if err := client.MkdirAll("a/b"); err != nil {
		t.Fatal(err)
	}
	f, err := client.Create("a/b/file")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("text")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), client.Rename("a/b/file", "moved"), client.Symlink("moved", "link")); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "link")); err != nil || string(text) != "text" {
		t.Errorf("there is %q, %v", text, err)
	}
	if _, err := client.Stat("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Errorf("its end: %v", err)
	}
}
