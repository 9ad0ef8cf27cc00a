package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/cmd/csph/manifest"
	"csph/platform"
)

// applyFlags are what csph apply is told.
type applyFlags struct {
	file                  string
	dryRun, prune, atomic bool
	wait                  waitFlags
}

func (a *app) applyCommand() *cobra.Command {
	f := &applyFlags{}
	cmd := &cobra.Command{
		Use: "apply -f FILE", Short: "Make projects, environments, services and domains be as a file says", Args: atMost(0),
		Long: `Make projects, environments, services and domains be as a file says, and show first what that takes. What a service in the file
leaves out stays as it is; its env, when it is there, is all of its variables. Services with an image are deployed
when another one is live. With --prune, environments and services that the file does not name within its projects are
deleted, with everything they have; so are domains of a service that the file lists domains of. Volumes are made and attached,
and never detached or deleted.

Each change is told as it is made. When one fails the rest is left undone; with --atomic, what was made is then taken
back, except for deployments and deletions, which come last.`,
		Example: "  csph apply -f csph.yaml --dry-run\n  csph apply -f csph.yaml --prune\n  csph export | csph apply -f -",
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			if f.file == "" {
				return usageError{fmt.Errorf("csph apply wants a file: -f csph.yaml")}
			}
			want, err := a.readManifest(f.file)
			if err != nil {
				return err
			}
			return a.applyFile(cmd.Context(), c, f, want)
		}),
	}
	cmd.Flags().StringVarP(&f.file, "file", "f", "", "the file; - for standard input")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "only show what would be done")
	cmd.Flags().BoolVar(&f.prune, "prune", false, "delete what the file does not name within its projects")
	cmd.Flags().BoolVar(&f.atomic, "atomic", false, "take everything back when something fails")
	f.wait.add(cmd)
	return cmd
}

// maxManifest bounds what is read as a file.
const maxManifest = 8 << 20

func (a *app) readManifest(path string) (manifest.File, error) {
	from := a.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return manifest.File{}, fmt.Errorf("read the file: %w", err)
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxManifest))
	if err != nil {
		return manifest.File{}, fmt.Errorf("read the file: %w", err)
	}
	want, err := manifest.Parse(text)
	if err != nil {
		return want, usageError{fmt.Errorf("%s: %w", path, err)}
	}
	return want, nil
}

// applied is one change, and what came of it.
type applied struct {
	manifest.Change
	Outcome string `json:"outcome"` // planned, done, failed, undone or left
	Error   string `json:"error,omitempty"`
}

// applyFile shows what makes everything be as want says, and does it.
func (a *app) applyFile(ctx context.Context, c *client.Client, f *applyFlags, want manifest.File) error {
	have, err := present(ctx, c)
	if err != nil {
		return err
	}
	plan := manifest.Plan(have, want, f.prune)
	results := make([]applied, len(plan))
	for i, change := range plan {
		results[i] = applied{Change: change, Outcome: "planned"}
	}
	a.tellPlan(plan, manifest.Missing(have, want))
	if !f.dryRun {
		err = a.carryOut(ctx, c, f, results)
	}
	if shown := a.show(results, func() error { return nil }); shown != nil {
		return shown
	}
	return err
}

// tellPlan shows what is to be done.
func (a *app) tellPlan(plan []manifest.Change, missing []string) {
	if len(plan) == 0 {
		a.note("Everything is as the file says.")
	}
	for _, change := range plan {
		a.note("%s", oneLine(change))
	}
	for _, command := range missing {
		a.note("A secret is missing; set it with: %s", command)
	}
}

// oneLine is a change on one line.
func oneLine(c manifest.Change) string {
	sign := map[manifest.Action]string{manifest.Create: "+", manifest.Update: "~", manifest.Deploy: "^", manifest.Delete: "-"}[c.Action]
	text := fmt.Sprintf("%s %s %s %s", sign, c.Action, c.Kind, c.Name)
	if len(c.Says) > 0 {
		text += " (" + strings.Join(c.Says, ", ") + ")"
	}
	return text
}

// carryOut makes the changes, one after the other.
func (a *app) carryOut(ctx context.Context, c *client.Client, f *applyFlags, results []applied) error {
	for i := range results {
		r := &results[i]
		err := a.make(ctx, c, f, r.Change)
		if err == nil {
			r.Outcome = "done"
			if err := a.tellDone(r.Change); err != nil {
				return err
			}
			continue
		}
		r.Outcome, r.Error = "failed", err.Error()
		for j := range results[i+1:] {
			results[i+1+j].Outcome = "left"
		}
		if f.atomic {
			a.undo(ctx, c, results[:i])
		}
		return fmt.Errorf("%s %s %s: %w", r.Action, r.Kind, r.Name, err)
	}
	return nil
}

func (a *app) tellDone(c manifest.Change) error {
	if a.structured() {
		return nil
	}
	return a.printf("done: %s %s %s\n", c.Action, c.Kind, c.Name)
}

// undo takes changes back, the last first. One that cannot be is told, and the others go on.
func (a *app) undo(ctx context.Context, c *client.Client, done []applied) {
	for i := len(done) - 1; i >= 0; i-- {
		r := &done[i]
		if r.Action == manifest.Deploy || r.Action == manifest.Delete {
			continue
		}
		if err := a.takeBack(ctx, c, r.Change); err != nil {
			a.note("%s %s %s cannot be taken back: %v", r.Action, r.Kind, r.Name, err)
			continue
		}
		r.Outcome = "undone"
		a.note("taken back: %s %s %s", r.Action, r.Kind, r.Name)
	}
}

func (a *app) takeBack(ctx context.Context, c *client.Client, change manifest.Change) error {
	if change.Kind == "volume" { // it may have been there, and stays in any case
		_, err := c.DetachVolume(ctx, change.Name, wire.Detachment{Service: change.Service})
		return err
	}
	if change.Action == manifest.Create {
		return remove(ctx, c, change.Kind, change.Name)
	}
	if change.Kind == "environment" {
		return setEnvironment(ctx, c, change.Name, change.EnvironmentAfter.Env, change.EnvironmentBefore.Env)
	}
	wanted, err := configChange(*change.ServiceAfter, *change.ServiceBefore)
	if err == nil {
		_, err = c.Configure(ctx, change.Name, wanted)
	}
	return err
}

func remove(ctx context.Context, c *client.Client, kind, name string) error {
	switch kind {
	case "project":
		return c.DeleteProject(ctx, name, false)
	case "environment":
		return c.DeleteEnvironment(ctx, name, false)
	case "domain":
		return c.RemoveDomain(ctx, name)
	}
	return c.DeleteService(ctx, name)
}

// make makes one change.
func (a *app) make(ctx context.Context, c *client.Client, f *applyFlags, change manifest.Change) error {
	switch {
	case change.Action == manifest.Delete:
		return remove(ctx, c, change.Kind, change.Name)
	case change.Kind == "domain":
		_, err := c.AddDomain(ctx, wire.NewDomain{Name: change.Name, Service: change.Service})
		return err
	case change.Kind == "volume":
		return a.makeVolume(ctx, c, f, change)
	case change.Kind == "project":
		_, err := c.CreateProject(ctx, change.Name)
		return err
	case change.Kind == "environment" && change.Action == manifest.Create:
		_, err := c.CreateEnvironment(ctx, wire.NewEnvironment{Name: change.Name, EnvChange: wire.EnvChange{SetEnv: change.EnvironmentAfter.Env}})
		return err
	case change.Kind == "environment":
		return setEnvironment(ctx, c, change.Name, change.EnvironmentBefore.Env, change.EnvironmentAfter.Env)
	}
	return a.makeService(ctx, c, f, change)
}

func setEnvironment(ctx context.Context, c *client.Client, name string, before, after map[string]string) error {
	_, err := c.ChangeEnvironment(ctx, name, wire.EnvChange{SetEnv: after, UnsetEnv: dropped(before, after)})
	return err
}

// dropped are the names of variables that are in before and not in after.
func dropped(before, after map[string]string) []string {
	names := []string{}
	for name := range before {
		if _, kept := after[name]; !kept {
			names = append(names, name)
		}
	}
	return names
}

func (a *app) makeService(ctx context.Context, c *client.Client, f *applyFlags, change manifest.Change) error {
	before := manifest.Service{}
	if change.ServiceBefore != nil {
		before = *change.ServiceBefore
	}
	wanted, err := configChange(before, *change.ServiceAfter)
	if err != nil {
		return err
	}
	switch change.Action {
	case manifest.Create:
		_, err := c.CreateService(ctx, wire.NewService{Name: change.Name, Type: change.ServiceAfter.Type, ConfigChange: wanted})
		return err
	case manifest.Deploy:
		return a.settle(ctx, c, f, func() (platform.Deployment, error) {
			return c.DeployImage(ctx, change.Name, wire.NewDeployment{Image: change.ServiceAfter.Image})
		})
	}
	out, err := c.Configure(ctx, change.Name, wanted)
	if err != nil || out.Deployment == nil {
		return err
	}
	return a.settle(ctx, c, f, func() (platform.Deployment, error) { return *out.Deployment, nil })
}

// settle watches a deployment on standard error, until it is live.
func (a *app) settle(ctx context.Context, c *client.Client, f *applyFlags, start func() (platform.Deployment, error)) error {
	quiet := *a
	quiet.out, quiet.format = a.err, "table"
	return quiet.await(ctx, c, f.wait, func(context.Context) (platform.Deployment, error) { return start() })
}

// configChange is what makes before into after, as far as after says something.
func configChange(before, after manifest.Service) (wire.ConfigChange, error) {
	c := wire.ConfigChange{Port: after.Port, Build: after.Build, Run: after.Run, Dir: after.Dir, Shape: unlessZero(after.Shape), Count: unlessZero(after.Count), Region: after.Region}
	if a := after.Autoscale; a != nil {
		c.Autoscale = &wire.AutoscaleChange{Min: &a.Min, Max: &a.Max, CPU: &a.CPU}
	} else if before.Autoscale != nil && after.Count != 0 {
		c.Autoscale = &wire.AutoscaleChange{Off: true}
	}
	if after.Env != nil {
		c.SetEnv, c.UnsetEnv = after.Env, dropped(before.Env, after.Env)
	}
	if h := after.Health; h != nil {
		check := platform.Check{Path: h.Path, Port: h.Port, Host: h.Host}
		for _, d := range []struct {
			text string
			to   *time.Duration
		}{{h.Timeout, &check.FailureTimeout}, {h.Period, &check.RetryPeriod}} {
			if d.text == "" {
				continue
			}
			var err error
			if *d.to, err = time.ParseDuration(d.text); err != nil {
				return c, usageError{fmt.Errorf("health of %s: %q is no duration; write 60s or 5m", after.Name, d.text)}
			}
		}
		c.Ready = &check
	}
	return c, nil
}
