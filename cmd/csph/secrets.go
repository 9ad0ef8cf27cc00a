package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

func (a *app) servicesSetSecret() *cobra.Command {
	var wait waitFlags
	cmd := &cobra.Command{
		Use: "set-secret [SERVICE] NAME[=VALUE]…", Short: "Set secret variables, which cannot be read back",
		Long: `Set secret variables. They are encrypted at rest, cannot be read back, and are masked in logs. One NAME without a
value is asked for on a terminal, else read from standard input, so that it is in no shell history. What is live is
rolled out again with them.`,
		Example: `  csph services set-secret API_KEY --service web < key.txt
  csph services set-secret web DATABASE_URL=postgres://user:password@db/app`,
	}
	flag := serviceFlag(cmd)
	wait.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		service, values, err := a.readSecrets(*flag, args)
		if err != nil {
			return err
		}
		c, svc, err := a.found(cmd.Context(), *flag, service)
		if err != nil {
			return err
		}
		out, err := c.SetSecrets(cmd.Context(), svc.ID, values)
		if err != nil {
			return err
		}
		return a.follow(cmd, c, wait, out)
	}
	return cmd
}

// readSecrets tells the service from the variables, and asks for a value that is not given.
func (a *app) readSecrets(flag string, args []string) (service []string, values map[string]string, err error) {
	if len(args) > 1 && flag == "" && !strings.Contains(args[0], "=") {
		service, args = args[:1], args[1:]
	}
	switch {
	case len(args) == 0:
		return nil, nil, usageError{fmt.Errorf("csph services set-secret wants NAME or NAME=VALUE")}
	case len(args) == 1 && !strings.Contains(args[0], "="):
		value, err := a.readValue(args[0])
		return service, map[string]string{args[0]: value}, err
	}
	values, err = assignments(args)
	return service, values, err
}

// maxSecret bounds what is read as one value.
const maxSecret = 64 << 10

// readValue asks for one value on a terminal; else all of standard input is it, without the last line's end.
func (a *app) readValue(name string) (string, error) {
	if a.interactive() {
		return a.askSecret(name)
	}
	text, err := io.ReadAll(io.LimitReader(a.in, maxSecret+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read standard input: %w", err)
	case len(text) > maxSecret:
		return "", usageError{fmt.Errorf("standard input is longer than %d bytes", maxSecret)}
	case len(text) == 0:
		return "", usageError{fmt.Errorf("there is nothing on standard input to be %s", name)}
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
}

func (a *app) servicesSecrets() *cobra.Command {
	cmd := &cobra.Command{Use: "secrets [SERVICE]", Short: "List the names of a service's secret variables", Example: "  csph services secrets web"}
	return listingOf(a, cmd, "NAME\tVERSION\tSET BY\tSET", (*client.Client).Secrets, func(s platform.Secret) []string {
		return []string{s.Name, strconv.FormatInt(s.Version, 10), s.By, when(s.Created)}
	})
}

func (a *app) servicesUnsetSecret() *cobra.Command {
	var wait waitFlags
	cmd := &cobra.Command{
		Use: "unset-secret NAME", Short: "Remove a secret variable", Args: exactly(1, "the name of a secret variable"), Example: "  csph services unset-secret API_KEY --service web",
	}
	flag := serviceFlag(cmd)
	wait.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, svc, err := a.found(cmd.Context(), *flag, nil)
		if err != nil {
			return err
		}
		out, err := c.UnsetSecret(cmd.Context(), svc.ID, args[0])
		if err != nil {
			return err
		}
		return a.follow(cmd, c, wait, out)
	}
	return cmd
}

// follow tells what becomes of a config change: a rollout, a scaling, or nothing yet.
func (a *app) follow(cmd *cobra.Command, c *client.Client, wait waitFlags, out wire.Configured) error {
	if d := out.Deployment; d != nil {
		return a.await(cmd.Context(), c, wait, func(context.Context) (platform.Deployment, error) { return *d, nil })
	}
	scaling := out.Service.Running != nil && !out.Service.Suspended
	if scaling && !wait.none {
		var err error
		if out.Service, err = scaled(cmd.Context(), c, out.Service, wait.timeout); err != nil {
			return err
		}
	}
	return a.show(out, func() error {
		name := out.Service.Name
		switch {
		case out.Service.Suspended:
			return a.printf("%s is configured; it is suspended, and gets the change when it is resumed: csph services resume %s\n", name, name)
		case scaling:
			return a.printf("%s runs %d of %d × %s%s\n", name, out.Service.Running.Up, out.Service.Running.Count, out.Service.Running.Shape, autoscaling(out.Service))
		}
		return a.printf("%s is configured; nothing is live yet that could have the change. Deploy with: csph deploy --service %s\n", name, name)
	})
}

// autoscaling says behind a count what decides it; nothing when people do.
func autoscaling(s wire.ServiceView) string {
	if s.Config.Autoscale == nil {
		return ""
	}
	return ", autoscaled: " + s.Config.Autoscale.String()
}

// scalePoll is the time between two looks at a service that is being scaled.
const scalePoll = 200 * time.Millisecond

// scaled blocks until as many spherelets of a service run as should.
func scaled(ctx context.Context, c *client.Client, svc wire.ServiceView, timeout time.Duration) (wire.ServiceView, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(scalePoll)
	defer tick.Stop()
	for {
		now, err := c.Service(ctx, svc.ID)
		if err == nil && (now.Running == nil || now.Running.Up == now.Running.Count) {
			return now, nil
		}
		if err != nil && ctx.Err() == nil {
			return now, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return svc, fmt.Errorf("%s is still being scaled after %s; csph services get %s shows how far it is", svc.Name, timeout, svc.Name)
		}
	}
}

func (a *app) servicesSetRegistry() *cobra.Command {
	var n wire.NewRegistry
	cmd := &cobra.Command{
		Use: "set-registry HOST --username NAME", Short: "Keep a login for the registry that a service's image is in", Args: exactly(1, "the host of a registry"),
		Long: `Keep a login for the registry that a service's image is in. The password, or access token, is asked for on a
terminal, else read from standard input. The registry is asked at once whether it is right; it is then encrypted
and cannot be read back.`,
		Example: "  csph services set-registry ghcr.io --username me --service web < token.txt",
	}
	flag := serviceFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if n.Username == "" {
			return usageError{fmt.Errorf("csph services set-registry wants --username")}
		}
		n.Host = args[0]
		c, svc, err := a.found(cmd.Context(), *flag, nil)
		if err != nil {
			return err
		}
		if n.Password, err = a.readValue("password"); err != nil {
			return err
		}
		r, err := c.SetRegistry(cmd.Context(), svc.ID, n)
		if err != nil {
			return err
		}
		return a.show(r, func() error { return a.printf("%s pulls from %s as %s\n", svc.Name, r.Host, r.Username) })
	}
	cmd.Flags().StringVarP(&n.Username, "username", "u", "", "name at the registry")
	return cmd
}

func (a *app) servicesRegistries() *cobra.Command {
	cmd := &cobra.Command{Use: "registries [SERVICE]", Short: "List the registries that a service has a login for", Example: "  csph services registries web"}
	return listingOf(a, cmd, "HOST\tUSERNAME\tSET BY\tSET", (*client.Client).Registries, func(r platform.Registry) []string {
		return []string{r.Host, r.Username, r.By, when(r.Created)}
	})
}

func (a *app) servicesRemoveRegistry() *cobra.Command {
	cmd := &cobra.Command{Use: "remove-registry HOST", Short: "Forget the login for a registry", Args: exactly(1, "the host of a registry"), Example: "  csph services remove-registry ghcr.io --service web"}
	flag := serviceFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, svc, err := a.found(cmd.Context(), *flag, nil)
		if err != nil {
			return err
		}
		if err := c.RemoveRegistry(cmd.Context(), svc.ID, args[0]); err != nil {
			return err
		}
		return a.show(map[string]string{"removed": args[0]}, func() error { return a.printf("Forgot the login for %s\n", args[0]) })
	}
	return cmd
}
