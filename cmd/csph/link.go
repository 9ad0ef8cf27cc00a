package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"csph/api/client"
)

// linkFile is where a folder's service is remembered.
const linkFile = ".csph/config"

// link is what is remembered of a folder.
type link struct {
	Service string `yaml:"service"`
}

// linked is the service that dir, or the nearest folder above it, was linked to; "" for none.
func linked(dir string) (string, error) {
	at, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find folder: %w", err)
	}
	for {
		path := filepath.Join(at, linkFile)
		text, err := os.ReadFile(path)
		if err == nil {
			var l link
			if err := yaml.UnmarshalWithOptions(text, &l, yaml.Strict()); err != nil {
				return "", fmt.Errorf("read %s: %w", path, err)
			}
			return l.Service, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return "", fmt.Errorf("read the link of the folder: %w", err)
		}
		above := filepath.Dir(at)
		if above == at {
			return "", nil
		}
		at = above
	}
}

func (a *app) linkCommand() *cobra.Command {
	return &cobra.Command{
		Use: "link SERVICE", Short: "Remember the service of the current folder", Args: exactly(1, "the name or id of a service"),
		Long: `Remember the service of the current folder, in .csph/config: commands here, and in folders below, then mean it when
no service is given. Without a link it is that of the git remote csph, else the folder's name.`,
		Example: "  csph link web\n  csph logs -f",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			svc, err := c.Service(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := writeLink(".", link{Service: svc.ID}); err != nil {
				return err
			}
			return a.show(svc, func() error { return a.printf("This folder is linked to %s (%s)\n", svc.Name, svc.ID) })
		}),
	}
}

func writeLink(dir string, l link) error {
	text, err := yaml.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode link: %w", err)
	}
	path := filepath.Join(dir, linkFile)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("link folder: %w", err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("link folder: %w", err)
	}
	return nil
}

func (a *app) unlinkCommand() *cobra.Command {
	return &cobra.Command{
		Use: "unlink", Short: "Forget the service of the current folder", Args: atMost(0), Example: "  csph unlink",
		RunE: func(*cobra.Command, []string) error {
			err := os.Remove(linkFile)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("unlink folder: %w", err)
			}
			if err := os.Remove(filepath.Dir(linkFile)); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
				a.note("%s is left: %v", filepath.Dir(linkFile), err)
			}
			return a.show(map[string]bool{"linked": false}, func() error { return a.printf("This folder is linked to no service\n") })
		},
	}
}
