package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"csph/cmd/csph/foreign"
	"csph/cmd/csph/manifest"
	"csph/platform"
)

// importFlags are what csph import is told.
type importFlags struct {
	project, environment string
	print                bool
	apply                applyFlags
}

func (a *app) importCommand() *cobra.Command {
	f := &importFlags{}
	cmd := &cobra.Command{
		Use: "import [FILE|DIR]", Short: "Take an app over that a file of another platform describes", Args: atMost(1),
		Long: `Take an app over that a file of another platform describes: a Compose file, Kamal's config/deploy.yml, Heroku's app.json with
its Procfile, a fly.toml, or an import file of Zerops. Its services, variables, shapes, counts, checks and domains are made here, after a plan
that says what that takes. Without a FILE, the folder is looked through for one.

What is built from source is created, and deployed by the commands that are told at the end. Secrets are named, and their values are asked for by
csph services set-secret. --print writes csph.yaml instead, to be changed and applied.`,
		Example: "  csph import\n  csph import docker-compose.yml --dry-run\n  csph import config/deploy.yml --print > csph.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.takeOver(cmd.Context(), f, folder(args))
		},
	}
	cmd.Flags().StringVar(&f.project, "project", "", "the project to make it in (default: the file's own name for it, else default)")
	cmd.Flags().StringVar(&f.environment, "environment", platform.DefaultEnvironment, "the environment to make it in")
	cmd.Flags().BoolVar(&f.print, "print", false, "write csph.yaml, and change nothing")
	cmd.Flags().BoolVar(&f.apply.dryRun, "dry-run", false, "only show what would be done")
	cmd.Flags().BoolVar(&f.apply.atomic, "atomic", false, "take everything back when something fails")
	f.apply.wait.add(cmd)
	return cmd
}

func (a *app) takeOver(ctx context.Context, f *importFlags, path string) error {
	found, err := foreignApp(path)
	if err != nil {
		return err
	}
	text, err := manifest.Encode(f.file(found))
	if err != nil {
		return err
	}
	want, err := manifest.Parse(text)
	if err != nil {
		return fmt.Errorf("take over the %s: %w", found.Kind, err)
	}
	defer func() {
		for _, note := range found.Notes {
			a.note("Left to do: %s", note)
		}
	}()
	if f.print {
		return a.printf("%s", text)
	}
	a.note("Taking over %d services of the %s", len(found.Services), found.Kind)
	c, err := a.client()
	if err != nil {
		return err
	}
	return a.applyFile(ctx, c, &f.apply, want)
}

// foreignApp reads path, or what it finds there when it is a folder.
func foreignApp(path string) (foreign.App, error) {
	info, err := os.Stat(path)
	if err != nil {
		return foreign.App{}, fmt.Errorf("find what to import: %w", err)
	}
	if !info.IsDir() {
		return foreign.Read(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	}
	dir := os.DirFS(path)
	name, err := foreign.Find(dir)
	if err != nil {
		return foreign.App{}, err
	}
	return foreign.Read(dir, name)
}

// file is csph.yaml with the app in its place.
func (f *importFlags) file(app foreign.App) manifest.File {
	project := platform.DefaultProject
	for _, name := range []string{app.Project, f.project} {
		if name != "" {
			project = name
		}
	}
	environment := manifest.Environment{Name: f.environment, Services: app.Services}
	if len(app.Env) > 0 {
		environment.Env = app.Env
	}
	return manifest.File{Projects: []manifest.Project{{Name: project, Environments: []manifest.Environment{environment}}}}
}
