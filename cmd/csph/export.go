package main

import (
	"context"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/cmd/csph/manifest"
	"csph/platform"
)

func (a *app) exportCommand() *cobra.Command {
	var project string
	cmd := &cobra.Command{
		Use: "export", Short: "Write projects, environments, services and domains as csph.yaml", Args: atMost(0),
		Long: `Write projects, environments, services and domains as csph.yaml, which csph apply makes true again, here or elsewhere. Secrets
are named only; variables are written as they are; of domains, certificates of one's own are not in it, nor of volumes what they hold.`,
		Example: "  csph export > csph.yaml\n  csph export --project shop -o json",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			f, err := present(cmd.Context(), c)
			if err != nil {
				return err
			}
			if project != "" {
				f.Projects = slices.DeleteFunc(f.Projects, func(p manifest.Project) bool { return p.Name != project })
			}
			if a.format == "json" {
				return a.printJSON(f)
			}
			text, err := manifest.Encode(f)
			if err != nil {
				return err
			}
			return a.printf("%s", text)
		}),
	}
	cmd.Flags().StringVar(&project, "project", "", "only this project")
	return cmd
}

// present is what there is, as a file.
func present(ctx context.Context, c *client.Client) (manifest.File, error) {
	f := manifest.File{}
	projects, err := c.Projects(ctx)
	if err != nil {
		return f, err
	}
	environments, err := c.Environments(ctx, "")
	if err != nil {
		return f, err
	}
	services, err := c.Services(ctx)
	if err != nil {
		return f, err
	}
	domains, err := c.Domains(ctx, "")
	if err != nil {
		return f, err
	}
	volumes, err := c.Volumes(ctx, "")
	if err != nil {
		return f, err
	}
	for _, p := range projects {
		project := manifest.Project{Name: p.Name}
		for _, e := range environments {
			if e.Project == p.ID {
				env := manifest.Environment{Name: e.Name, Env: e.Env}
				if env.Services, err = written(ctx, c, services, domains, volumes, e.ID); err != nil {
					return f, err
				}
				project.Environments = append(project.Environments, env)
			}
		}
		f.Projects = append(f.Projects, project)
	}
	return f, nil
}

// written are the services of an environment, as the file has them.
func written(ctx context.Context, c *client.Client, services []wire.ServiceView, domains []platform.Domain, volumes []platform.Volume, environment string) ([]manifest.Service, error) {
	var all []manifest.Service
	for _, s := range services {
		if s.Environment != environment {
			continue
		}
		image, err := liveImage(ctx, c, s)
		if err != nil {
			return nil, err
		}
		count, autoscale := countOf(s.Config)
		all = append(all, manifest.Service{
			Name: s.Name, Type: s.Type, Image: image, Shape: s.Config.Shape, Count: count, Autoscale: autoscale, Region: unlessZero(s.Config.Region), Port: unlessZero(s.Config.Port),
			Build: unlessZero(s.Config.Build), Run: unlessZero(s.Config.Run), Dir: unlessZero(s.Config.Dir),
			Env: s.Config.Env, Secrets: slices.Sorted(maps.Keys(s.Config.Secrets)), Health: healthOf(s.Config.Ready), Domains: domainsOf(s.ID, domains), Volumes: volumesOf(s.ID, volumes),
		})
	}
	return all, nil
}

// countOf is how many spherelets a service has, or what decides that.
func countOf(c platform.Config) (int, *manifest.Autoscale) {
	if c.Autoscale == nil {
		return c.Count, nil
	}
	a := manifest.Autoscale(*c.Autoscale)
	return 0, &a
}

// domainsOf are the names of a service's domains.
func domainsOf(service string, all []platform.Domain) []string {
	var names []string
	for _, d := range all {
		if d.Service == service {
			names = append(names, d.Name)
		}
	}
	slices.Sort(names)
	return names
}

// liveImage is the image of a service that was deployed from one, as it was named.
func liveImage(ctx context.Context, c *client.Client, s wire.ServiceView) (string, error) {
	for id := s.Live; id != ""; {
		d, err := c.Deployment(ctx, id)
		if err != nil {
			return "", err
		}
		if d.Source.Kind != platform.FromDeployment {
			return d.Source.Image, nil
		}
		id = d.Source.Deployment
	}
	return "", nil
}

func unlessZero[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func healthOf(c *platform.Check) *manifest.Health {
	if c == nil || c.Path == "" {
		return nil
	}
	h := &manifest.Health{Path: c.Path, Port: c.Port, Host: c.Host}
	if c.FailureTimeout > 0 {
		h.Timeout = c.FailureTimeout.String()
	}
	if c.RetryPeriod > 0 {
		h.Period = c.RetryPeriod.String()
	}
	return h
}
