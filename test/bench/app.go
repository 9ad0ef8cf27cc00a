package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// app is a work tree of a sample app, and the service that it is pushed to.
type app struct {
	server *server
	dir    string
	name   string // of the service
	file   string // holds the line that is changed
}

var versionLine = regexp.MustCompile(`version = "[^"]*"`)

// newApp copies test/apps/sample into a git repository of its own.
func newApp(ctx context.Context, b *bench, s *server, sample, file string) (*app, error) {
	a := &app{server: s, dir: filepath.Join(s.state, "bench-"+sample), name: sample, file: file}
	if err := os.CopyFS(a.dir, os.DirFS(filepath.Join(b.root, "test", "apps", sample))); err != nil {
		return nil, fmt.Errorf("copy %s: %w", sample, err)
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"remote", "add", "csph", "ssh://git@" + s.ssh + "/" + a.name}} {
		if err := a.git(ctx, args...); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *app) git(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = a.dir
	cmd.Env = append(os.Environ(),
		"GIT_AUTHOR_NAME=bench", "GIT_AUTHOR_EMAIL=bench@localhost", "GIT_COMMITTER_NAME=bench", "GIT_COMMITTER_EMAIL=bench@localhost",
		"GIT_SSH_COMMAND=ssh -i "+a.server.key()+" -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %v: %w\n%s", args, err, out)
	}
	return nil
}

// setVersion changes one line of a source tree, so that the app answers with version.
func setVersion(dir, file, version string) error {
	path := filepath.Join(dir, file)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, versionLine.ReplaceAll(text, []byte(`version = "`+version+`"`)), 0o644)
}

// release pushes a one-line change and returns how long the push took. The router must serve the new
// version at once.
func (a *app) release(ctx context.Context, version string) (time.Duration, error) {
	if err := setVersion(a.dir, a.file, version); err != nil {
		return 0, err
	}
	if err := a.git(ctx, "add", "-A"); err != nil {
		return 0, err
	}
	took, err := a.push(ctx, version, "main")
	if err != nil {
		return 0, err
	}
	body, err := a.server.page(ctx, a.name, "/")
	if err != nil {
		return 0, err
	}
	if !regexp.MustCompile(`version ` + regexp.QuoteMeta(version) + `\b`).MatchString(body) {
		return 0, fmt.Errorf("version %s was pushed, and %q is served", version, body)
	}
	return took, nil
}

// push commits what is staged, or nothing, and pushes HEAD to branch; only the push is timed.
func (a *app) push(ctx context.Context, subject, branch string) (time.Duration, error) {
	if err := a.git(ctx, "commit", "-q", "--allow-empty", "-m", subject); err != nil {
		return 0, err
	}
	began := time.Now()
	err := a.git(ctx, "push", "-q", "csph", "HEAD:refs/heads/"+branch)
	return time.Since(began), err
}
