// Command csph-sftp serves the files of the spherelet that it is run in, by SFTP on its standard input and output: what
// csph mount and sftp clients talk to (SPEC section 4). It is the user and has the limits of the spherelet, and sees nothing
// else; so nobody gets further by it than by csph exec.
//
// Names that do not begin with / are in the folder that the app runs in: /var/www for sources with a zerops.yml, what the image
// says for others, and /var/www where that is only /.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/pkg/sftp"
)

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "csph-sftp:", err)
		os.Exit(1)
	}
}

// serve answers until in ends.
func serve(in io.Reader, out io.WriteCloser) error {
	dir, err := folder()
	if err != nil {
		return err
	}
	server, err := sftp.NewServer(struct {
		io.Reader
		io.WriteCloser
	}{in, out}, sftp.WithServerWorkingDirectory(dir))
	if err != nil {
		return fmt.Errorf("begin to serve: %w", err)
	}
	err = server.Serve()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, server.Close())
}

// folder is where clients begin.
func folder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("look for the app's folder: %w", err)
	}
	const conventional = "/var/www"
	if info, err := os.Stat(conventional); dir == "/" && err == nil && info.IsDir() {
		return conventional, nil
	}
	return dir, nil
}
