package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/tonistiigi/fsutil"

	"csph/host"
)

const (
	basesService = "base-images" // the service that stand-ins are built as
	debianBase   = "docker.io/library/debian:bookworm-slim"
)

// standIn puts the stand-in for name into the engine's store: from BaseDir, where another instance or an
// earlier run has left it, or made now.
func (s *Bases) standIn(ctx context.Context, name string, r recipe, version string, progress func(string)) error {
	dir := s.builder.config.BaseDir
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of base images: %w", err)
	}
	archive := filepath.Join(dir, archiveName(name, r))
	unlock, err := lockFile(ctx, archive+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(archive); errors.Is(err, fs.ErrNotExist) {
		if err := s.make(ctx, name, r, version, archive, progress); err != nil {
			return fmt.Errorf("make base image %s: %w", displayName(name), err)
		}
	}
	return s.importArchive(ctx, archive, name, r)
}

func archiveName(name string, r recipe) string {
	return strings.NewReplacer("/", "_", ":", "_").Replace(displayName(name)) + "-" + r.revision() + ".tar"
}

// importArchive imports an archive as the image name.
func (s *Bases) importArchive(ctx context.Context, archive, name string, r recipe) error {
	f, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("open base image: %w", err)
	}
	defer f.Close()
	_, err = s.builder.engine.Import(s.builder.inNamespace(ctx), f,
		containerd.WithImageLabels(map[string]string{standInLabel: r.revision()}))
	if err != nil {
		return fmt.Errorf("import base image %s: %w", displayName(name), err)
	}
	return nil
}

// make builds the recipe into archive. A crash leaves no archive, only a folder that the next make of it removes.
func (s *Bases) make(ctx context.Context, name string, r recipe, version, archive string, progress func(string)) error {
	began := time.Now()
	progress("making base image " + displayName(name) + " (no registry reachable); once, it takes a minute or two")
	if r.Fetch != "debian" {
		if _, err := s.ready(ctx, debianBase, progress); err != nil {
			return err
		}
	}
	work := strings.TrimSuffix(archive, ".tar") + ".work"
	if err := os.RemoveAll(work); err != nil {
		return fmt.Errorf("clear the work folder: %w", err)
	}
	defer os.RemoveAll(work)
	if err := os.MkdirAll(filepath.Join(work, "files"), 0o755); err != nil {
		return fmt.Errorf("make the work folder: %w", err)
	}
	brought, err := fetch(ctx, r.Fetch, version, filepath.Join(work, "files"))
	if err != nil {
		return err
	}
	progress("fetched the parts of " + displayName(name) + "  " + seconds(time.Since(began)))
	partial := filepath.Join(work, "image.tar")
	if err := s.bake(ctx, name, r, filepath.Join(work, "files"), brought, partial); err != nil {
		return err
	}
	if err := os.Rename(partial, archive); err != nil {
		return fmt.Errorf("keep the image: %w", err)
	}
	progress("made base image " + displayName(name) + "  " + seconds(time.Since(began)))
	return nil
}

// bake builds the recipe with files as its context, and brought as the context named after what was fetched.
func (s *Bases) bake(ctx context.Context, name string, r recipe, files, brought, out string) error {
	b := s.builder
	log, err := b.logs.acquire(basesService)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := os.WriteFile(filepath.Join(files, "Dockerfile"), r.content, 0o644); err != nil {
		return fmt.Errorf("write the recipe: %w", err)
	}
	request := Request{Deployment: basesService, Service: basesService, Dir: files}
	request.Plan.Dockerfile = "Dockerfile"
	build, err := b.newSolve(request, log)
	if err != nil {
		return err
	}
	if err := build.bring(r.Fetch, brought); err != nil {
		return err
	}
	build.options.Session = []session.Attachable{secretsprovider.FromMap(b.config.Settings.secrets())}
	build.options.Exports = []client.ExportEntry{{
		Type: client.ExporterOCI, Attrs: map[string]string{"name": name, "compression": "uncompressed", "oci-mediatypes": "true"},
		Output: func(map[string]string) (io.WriteCloser, error) { return os.Create(out) },
	}}
	cgroup := b.cgroup(basesService)
	if err := cgroup.Apply(host.Limits{MilliCPU: b.config.Limits.MilliCPU, Memory: b.config.Limits.Memory}); err != nil {
		return fmt.Errorf("limit the build: %w", err)
	}
	defer b.releaseCgroup(ctx, cgroup)
	run, err := build.dockerfile(ctx)
	if err != nil {
		return err
	}
	if err := build.run(ctx, run); err != nil {
		return build.failure(ctx, err)
	}
	return nil
}

// bring adds dir as the build context called name.
func (s *solve) bring(name, dir string) error {
	if dir == "" {
		return nil
	}
	all, err := fsutil.NewFS(dir)
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	fs, err := fsutil.NewFilterFS(all, &fsutil.FilterOpt{ExcludePatterns: []string{"test", "api", "doc", "misc", "**/testdata"}})
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	s.options.LocalMounts[name] = fs
	s.contexts = map[string]string{"context:" + name: "local:" + name}
	return nil
}
