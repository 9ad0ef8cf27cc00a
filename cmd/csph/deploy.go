package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/cmd/csph/source"
	"csph/platform"
)

// deployFlags are what csph deploy is told.
type deployFlags struct {
	service, image string
	repo, branch   string
	fetch          bool
	noCache        bool
	env            []string
	config         configFlags
	wait           waitFlags
}

func (a *app) deployCommand() *cobra.Command {
	f := &deployFlags{}
	cmd := &cobra.Command{
		Use:   "deploy [DIR]",
		Short: "Deploy a folder or an image, and wait until it is live",
		Long: `Deploy a folder or an image, and wait until it is live.

What is deployed is HEAD of the folder's git work tree, or its files where there is none, without what
.gitignore, .dockerignore and .deployignore leave out; with --image, that image. The service is created
by its first deployment. Its name is --service, else that of csph link, else that of the git remote csph, else the folder's.

ctrl-C cancels the deployment while it is queued or building; after that it goes on by itself, and only
the watching ends. A second ctrl-C ends csph at once.`,
		Example: `  csph deploy
  csph deploy ./site --service docs
  csph deploy --build 'go build -o app .' --run './app'
  csph deploy --repo github.com/acme/shop --branch main --service shop
  csph deploy --image ghcr.io/me/api:v1 --shape MAX --count 3 --env LOG_LEVEL=info`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.deploy(cmd, f, folder(args)) },
	}
	cmd.Flags().StringVarP(&f.service, "service", "s", "", "the service, by name or id")
	cmd.Flags().StringVar(&f.repo, "repo", "", "deploy this repository instead of a folder; a private one is connected first (csph services connect-repo)")
	cmd.Flags().StringVar(&f.branch, "branch", "", "of the repository (default: its default branch)")
	cmd.Flags().BoolVar(&f.fetch, "fetch", false, "deploy the repository that the service is connected to")
	cmd.Flags().StringVar(&f.image, "image", "", "deploy this image instead of a folder")
	cmd.Flags().BoolVar(&f.noCache, "no-cache", false, "build anew, whatever is cached, even where nothing has changed")
	cmd.Flags().StringArrayVarP(&f.env, "env", "e", nil, "set a variable of the service, K=V; again for more")
	f.config.add(cmd)
	f.wait.add(cmd)
	return cmd
}

func folder(args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	return "."
}

func (a *app) deploy(cmd *cobra.Command, f *deployFlags, dir string) error {
	ctx := cmd.Context()
	if f.branch != "" && f.repo == "" && !f.fetch {
		return usageError{errors.New("--branch is of a repository: name one with --repo, or say --fetch for the one that the service is connected to")}
	}
	change, err := f.config.change(cmd)
	if err != nil {
		return err
	}
	if change.SetEnv, err = assignments(f.env); err != nil {
		return err
	}
	name, err := serviceName(ctx, f.service, dir)
	if err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	n := wire.NewDeployment{Image: f.image, Repo: f.repo, Branch: f.branch, Fetch: f.fetch, Change: change, NoCache: f.noCache}
	files, err := a.files(ctx, dir, n)
	if err != nil {
		return err
	}
	svc, err := a.ensureService(ctx, c, name)
	if err != nil {
		return err
	}
	return a.await(ctx, c, f.wait, func(ctx context.Context) (platform.Deployment, error) {
		if files == nil {
			return c.DeployImage(ctx, svc.ID, n)
		}
		return a.upload(ctx, c, svc.ID, files, n)
	})
}

// files are those in dir, looked at before anything is made for them; nil where n is of something else.
func (a *app) files(ctx context.Context, dir string, n wire.NewDeployment) (*parcel, error) {
	if n.Image != "" || n.Repo != "" || n.Fetch {
		return nil, nil
	}
	tree, err := source.Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	switch {
	case tree.Commit == "":
		a.note("Packing the files of %s", dir)
	case tree.Dirty > 0:
		a.note("Packing commit %s; changes to %d files are not committed, and not deployed", tree.Commit, tree.Dirty)
	default:
		a.note("Packing commit %s", tree.Commit)
	}
	files := &parcel{tree: tree}
	files.manifest, err = tree.Manifest(ctx, &files.text)
	return files, err
}

// counter is a number of bytes.
type counter int64

func (c counter) String() string {
	switch {
	case c >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(c)/(1<<20))
	case c >= 1<<10:
		return fmt.Sprintf("%.1f kB", float64(c)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", int64(c))
}

// ensureService returns the service, which its first deployment creates.
func (a *app) ensureService(ctx context.Context, c *client.Client, name string) (wire.ServiceView, error) {
	svc, err := c.Service(ctx, name)
	if !errors.Is(err, platform.ErrNotFound) || strings.HasPrefix(name, platform.ServicePrefix+"_") {
		return svc, err
	}
	svc, err = c.CreateService(ctx, wire.NewService{Name: name})
	if errors.Is(err, platform.ErrConflict) {
		return c.Service(ctx, name) // somebody was quicker
	}
	if err == nil {
		a.note("Created service %s", svc.Name)
	}
	return svc, err
}

// remote is the name of the git remote that a service is pushed to.
const remote = "csph"

// serviceName is the service that a command means: as given, else what dir is linked to, else that of dir's git remote, else dir's name.
func serviceName(ctx context.Context, given, dir string) (string, error) {
	if given != "" {
		return given, nil
	}
	if name, err := linked(dir); name != "" || err != nil {
		return name, err
	}
	if url := source.Remote(ctx, dir, remote); url != "" {
		if name := remoteService(url); name != "" {
			return name, nil
		}
	}
	full, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find folder: %w", err)
	}
	if name := label(filepath.Base(full)); name != "" {
		return name, nil
	}
	return "", usageError{fmt.Errorf("the folder %s gives no name for a service; say --service NAME", full)}
}

// remoteService is the service in ssh://git@HOST:PORT/<service>[.git].
func remoteService(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	_, name, _ := strings.Cut(rest, "/")
	return strings.TrimSuffix(strings.Trim(name, "/"), ".git")
}

// label makes a DNS label (RFC 1123 section 2.1) of a folder's name; "" when nothing is left of it.
func label(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
			b.WriteByte('-')
		}
	}
	const maxLabel = 63
	text := b.String()
	return strings.TrimRight(text[:min(len(text), maxLabel)], "-")
}
