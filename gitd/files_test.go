package gitd_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pkg/sftp"

	"csph/gitd"
	"csph/platform"
)

// folder serves one folder as the files of the service web.
type folder struct{ dir string }

func (f folder) ServeFiles(_ context.Context, id gitd.Identity, address, user string, stream io.ReadWriter) error {
	if id.NoPush != nil {
		return id.NoPush
	}
	if user != "web" || address == "" {
		return fmt.Errorf("%w: there is no service %s", platform.ErrNotFound, user)
	}
	server, err := sftp.NewServer(struct {
		io.ReadWriter
		io.Closer
	}{stream, io.NopCloser(nil)}, sftp.WithServerWorkingDirectory(f.dir))
	if err != nil {
		return err
	}
	return server.Serve()
}

func TestAnSFTPClientReachesTheFilesOfTheServiceThatItsUserNameSays(t *testing.T) {
	files := folder{t.TempDir()}
	h := start(t, func(c *gitd.Config) { c.Files = files })
	h.write(filepath.Join(files.dir, "there"), "from the service")
	h.write(filepath.Join(h.client, "here"), "from the client")
	h.write(filepath.Join(h.client, "batch"), "put here\nget there\n")
	transfer := func(user string) (string, error) {
		arguments := append(strings.Fields(h.sshCommand("key"))[1:], "-P", h.port(), "-b", "batch", user+"@127.0.0.1")
		return h.try(h.client, "sftp", arguments...)
	}
	if said, err := transfer("web"); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for path, want := range map[string]string{filepath.Join(files.dir, "here"): "from the client", filepath.Join(h.client, "there"): "from the service"} {
		if text, err := os.ReadFile(path); err != nil || string(text) != want {
			t.Errorf("%s has %q, %v", path, text, err)
		}
	}
	if said, err := transfer("other"); err == nil || !strings.Contains(said, "there is no service other") {
		t.Errorf("of another service: %v: %s", err, said)
	}
	why := fmt.Errorf("%w: the role viewer cannot", platform.ErrForbidden)
	h.noPush.Store(&why)
	if said, err := transfer("web"); err == nil || !strings.Contains(said, "the role viewer cannot") {
		t.Errorf("as a viewer: %v: %s", err, said)
	}
}
