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

	"github.com/containerd/containerd/v2/core/images"
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
	archive := filepath.Join(dir, r.archive(version))
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
	began := time.Now()
	if err := s.importArchive(ctx, archive, name, r); err != nil {
		return err
	}
	progress(fmt.Sprintf("loaded base image %s  %.1fs", displayName(name), time.Since(began).Seconds()))
	return nil
}

// importArchive puts the image in archive into the engine's store as name.
func (s *Bases) importArchive(ctx context.Context, archive, name string, r recipe) error {
	f, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("open base image: %w", err)
	}
	defer f.Close()
	ctx = s.builder.inNamespace(ctx)
	imported, err := s.builder.engine.Import(ctx, f)
	if err != nil {
		return fmt.Errorf("import base image %s: %w", displayName(name), err)
	}
	if len(imported) != 1 {
		return fmt.Errorf("import base image %s: %s holds %d images", displayName(name), archive, len(imported))
	}
	labels := map[string]string{standInLabel: r.revision()}
	return s.builder.keepImage(ctx, images.Image{Name: name, Target: imported[0].Target, Labels: labels})
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
	if err := s.bake(ctx, name, r, work, brought, archive); err != nil {
		return err
	}
	progress("made base image " + displayName(name) + "  " + seconds(time.Since(began)))
	return nil
}

// bake builds the recipe in the folder work, whose files are its context, and with brought as the context
// named after what was fetched.
func (s *Bases) bake(ctx context.Context, name string, r recipe, work, brought, archive string) error {
	b := s.builder
	files, partial := filepath.Join(work, "files"), filepath.Join(work, "image.tar")
	log, err := b.logs.acquire(basesService)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := os.WriteFile(filepath.Join(files, "Dockerfile"), r.content, 0o644); err != nil {
		return fmt.Errorf("write the recipe: %w", err)
	}
	// Two stand-ins can be in the making at once: each has a cgroup of its own.
	service := basesService + "-" + strings.TrimSuffix(filepath.Base(archive), ".tar")
	request := Request{Deployment: basesService, Service: service, Dir: files}
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
		Output: func(map[string]string) (io.WriteCloser, error) { return os.Create(partial) },
	}}
	cgroup := b.cgroup(service)
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
	if err := os.Rename(partial, archive); err != nil {
		return fmt.Errorf("keep the image: %w", err)
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
