package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"csph/builder"
	"csph/buildpacks"
)

// dockerfiles are what a careful author would write for the sample apps; CACHE stands for the name of their caches.
//
//go:embed dockerfiles
var dockerfiles embed.FS

// startsFrom finds the images that a Dockerfile starts from.
var startsFrom = regexp.MustCompile(`(?m)^FROM (\S+)`)

// bringBases makes them ready: csph may make the app's image of something else, and buildctl finds what is there alone.
func (r *race) bringBases(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(r.raw, dockerfileIn))
	if err != nil {
		return err
	}
	for _, m := range startsFrom.FindAllSubmatch(text, -1) {
		_, err := r.floor.builder.Order(ctx, builder.Request{
			Deployment: "bench-bases", Service: "floor", Dir: r.raw, Plan: buildpacks.Plan{RunImage: string(m[1])},
		})
		if err != nil {
			return fmt.Errorf("bring base image %s: %w", m[1], err)
		}
	}
	return nil
}

// writeDockerfile puts the app's Dockerfile for buildctl into its folder, with caches of the given name.
func (r *race) writeDockerfile(caches string) error {
	var text []byte
	var err error
	if r.dockerfile == "" {
		text, err = os.ReadFile(filepath.Join(r.raw, "Dockerfile"))
	} else {
		text, err = dockerfiles.ReadFile("dockerfiles/" + r.dockerfile)
	}
	if err != nil {
		return err
	}
	text = bytes.ReplaceAll(text, []byte("CACHE"), []byte(caches+"-"+r.sample))
	return os.WriteFile(filepath.Join(r.raw, dockerfileIn), text, 0o644)
}

// hostSecrets are what buildctl needs to reach this machine's registries.
func hostSecrets(ctx context.Context, dir string) ([]string, error) {
	settings, err := builder.ReadHostSettings(ctx)
	if err != nil {
		return nil, err
	}
	var args []string
	for id, content := range map[string][]byte{"npmrc": settings.NPMRC, "ca": settings.CABundle} {
		path := filepath.Join(dir, "raw-"+id)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return nil, err
		}
		args = append(args, "--secret", "id="+id+",src="+path)
	}
	return args, nil
}

func (r *race) image() string { return "csph.local/raw-" + r.sample + ":latest" }

// buildctl builds the folder with its Dockerfile, into containerd's store, as csph does.
func (r *race) buildctl(ctx context.Context, more ...string) (time.Duration, error) {
	state := r.floor.server.state
	args := append([]string{
		"--addr", "unix://" + filepath.Join(state, "buildkit", "buildkitd.sock"), "build", "--progress", "plain", "--frontend", "dockerfile.v0",
		"--local", "context=" + r.raw, "--local", "dockerfile=" + r.raw, "--opt", "filename=" + dockerfileIn, "--opt", "image-resolve-mode=local",
		"--output", "type=image,name=" + r.image() + ",unpack=true,compression=uncompressed",
	}, append(r.secrets, more...)...)
	began := time.Now()
	out, err := exec.CommandContext(ctx, filepath.Join(r.floor.server.bin, "buildctl"), args...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("buildctl: %w\n%s", err, out)
	}
	return time.Since(began), nil
}
