package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"csph/api/wire"
)

// configFlags change a service's config; only those that are given do.
type configFlags struct {
	shape, build, run, setup, dir, process string
	region                                 string
	count, port                            int
	maxBody                                int64
	sticky                                 bool
}

func (f *configFlags) add(cmd *cobra.Command) {
	f.addScale(cmd)
	cmd.Flags().IntVar(&f.port, "port", 0, "what the service listens on (default: the image's single EXPOSE, else 8080)")
	cmd.Flags().StringVar(&f.region, "region", "", "where it runs; '' for the server's default")
	cmd.Flags().StringVar(&f.build, "build", "", "the build command, instead of the detected one; '' for the detected one")
	cmd.Flags().StringVar(&f.run, "run", "", "the start command, instead of the detected one; '' for the detected one")
	cmd.Flags().Int64Var(&f.maxBody, "max-body", 0, "the largest body of a request, in MB; 0 for the server's limit, -1 for none")
	cmd.Flags().BoolVar(&f.sticky, "sticky", false, "keep a client with the spherelet that answered it first; --sticky=false for not")
	cmd.Flags().StringVar(&f.setup, "setup", "", "the setup of zerops.yml, if it is not the one named like the service; '' for that one")
	cmd.Flags().StringVar(&f.process, "process", "", "the process type of the Procfile to run; '' for web")
	cmd.Flags().StringVar(&f.dir, "dir", "", "the folder of the source to deploy, of a repository with several; '' to let the source tell")
}

func (f *configFlags) addScale(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.shape, "shape", "", "FLX (0.25 vCPU, 512 MB), MAX (1 vCPU, 2 GB) or PWR (2 vCPU, 4 GB)")
	cmd.Flags().IntVar(&f.count, "count", 0, "how many spherelets")
}

func (f *configFlags) change(cmd *cobra.Command) (wire.ConfigChange, error) {
	flags := cmd.Flags()
	shape := strings.ToUpper(f.shape)
	if flags.Changed("count") && f.count < 1 {
		return wire.ConfigChange{}, usageError{fmt.Errorf("--count %d: a service has at least 1 spherelet", f.count)}
	}
	return wire.ConfigChange{
		Shape: given(flags, "shape", &shape), Count: given(flags, "count", &f.count), Port: given(flags, "port", &f.port),
		Build: given(flags, "build", &f.build), Run: given(flags, "run", &f.run), Process: given(flags, "process", &f.process),
		MaxBody: given(flags, "max-body", &f.maxBody), Sticky: given(flags, "sticky", &f.sticky),
		Setup: given(flags, "setup", &f.setup), Dir: given(flags, "dir", &f.dir), Region: given(flags, "region", &f.region),
	}, nil
}

// given is a flag's value, nil when the flag was not given.
func given[T any](flags *pflag.FlagSet, name string, value *T) *T {
	if !flags.Changed(name) {
		return nil
	}
	return value
}

// waitFlags say how long a deployment is watched, and how that looks.
type waitFlags struct {
	timeout  time.Duration
	none     bool
	progress progressFlag
}

func (f *waitFlags) add(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&f.timeout, "wait-timeout", 5*time.Minute, "how long to watch; the deployment goes on after that")
	cmd.Flags().BoolVar(&f.none, "no-wait", false, "do not watch: succeed once the deployment is queued")
	f.progress.add(cmd.Flags())
}

// assignments reads K=V texts.
func assignments(texts []string) (map[string]string, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	env := make(map[string]string, len(texts))
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, usageError{fmt.Errorf("%q is no variable; write NAME=VALUE", text)}
		}
		env[name] = value
	}
	return env, nil
}
