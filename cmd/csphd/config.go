package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"
)

// Config is everything csphd can be told. File < environment < flag; unknown keys and bad values
// are fatal before anything listens.
type Config struct {
	State      string `yaml:"state"`       // folder of everything that csphd keeps
	HTTP       string `yaml:"http"`        // where apps are served
	HTTPS      string `yaml:"https"`       // where apps are served over TLS; "off" for not
	SSH        string `yaml:"ssh"`         // git push
	API        string `yaml:"api"`         // csph and scripts
	AppsDomain string `yaml:"apps_domain"` // services are at <service>.<apps domain>
	BinDir     string `yaml:"bin_dir"`     // containerd, runc, buildkitd; default: beside csphd
	BaseDir    string `yaml:"base_dir"`    // locally made base images, shared by every csphd of the machine
	LogLevel   string `yaml:"log_level"`   // debug, info, warn, error

	Capacity struct {
		Spherelets int   `yaml:"spherelets"` // live at once; 0: no limit
		MilliCPU   int64 `yaml:"milli_cpu"`  // thousandths of a vCPU; 0: no limit
		MemoryMB   int64 `yaml:"memory_mb"`  // 0: no limit
	} `yaml:"capacity"`

	// Region is where this server is: what services and deployments say, and csph deploy --region may name.
	Region    string          `yaml:"region"`
	Autoscale autoscaleConfig `yaml:"autoscale"`

	Build struct {
		CPUs     int   `yaml:"cpus"`      // vCPUs of one build, 1 to 5
		MemoryMB int64 `yaml:"memory_mb"` // of one build
		CacheMB  int64 `yaml:"cache_mb"`  // of all builds' caches together
		Parallel int   `yaml:"parallel"`  // at once; 0: one for each CPU
		// MinFreeMB is how much of the disk stays free: with less, caches are dropped below their budget.
		MinFreeMB int64 `yaml:"min_free_mb"`
	} `yaml:"build"`

	// HooksURL is where providers of repositories reach the webhooks, without a path: needed where that is not
	// the apps domain as csphd knows it.
	HooksURL string `yaml:"hooks_url"`
	Remote   struct {
		Allow []string `yaml:"allow"` // private networks that repositories may be in
		CA    string   `yaml:"ca"`    // file of certificates, in PEM, that their hosts are trusted by beside the machine's
	} `yaml:"remote"`
	Registries struct {
		Allow []string `yaml:"allow"` // loopback and link-local networks that registries may be in
	} `yaml:"registries"`
	Previews struct {
		Keep time.Duration `yaml:"keep"` // of pull requests, without a commit
	} `yaml:"previews"`

	Router    ingressConfig `yaml:"router"`
	AccessLog accessConfig  `yaml:"access_log"`

	ACME    acmeConfig    `yaml:"acme"`
	Domains domainsConfig `yaml:"domains"`

	// WarmBases makes the base images of the commonest apps ready at the start, before a push asks for them.
	WarmBases bool `yaml:"warm_bases"`
}

func defaults() Config {
	var c Config
	c.State, c.HTTP, c.HTTPS, c.SSH, c.API = "/var/lib/csph", ":80", ":443", ":2222", "127.0.0.1:7070"
	c.AppsDomain, c.LogLevel = "localhost", "info"
	c.BaseDir = "/var/cache/csph/bases"
	c.Capacity.Spherelets = 1000
	c.Region, c.Autoscale = "local", autoscaleConfig{Every: 15 * time.Second, DownAfter: 5 * time.Minute}
	c.Previews.Keep = 14 * 24 * time.Hour
	c.WarmBases, c.Router.HTTP3, c.AccessLog.Every = true, true, 1
	c.Build.CPUs, c.Build.MemoryMB, c.Build.CacheMB, c.Build.MinFreeMB = 5, 8192, 20480, 2048
	if exe, err := os.Executable(); err == nil {
		c.BinDir = filepath.Dir(exe)
	}
	return c
}

// setting is a value that can be set by flag and environment (CSPHD_… in capitals).
type setting struct {
	name, usage string
	value       func(*Config) *string
}

func settings() []setting {
	return []setting{
		{"state", "folder of everything that csphd keeps", func(c *Config) *string { return &c.State }},
		{"http", "address where apps are served", func(c *Config) *string { return &c.HTTP }},
		{"https", "address where apps are served over TLS, or off", func(c *Config) *string { return &c.HTTPS }},
		{"ssh", "address for git push", func(c *Config) *string { return &c.SSH }},
		{"api", "address for csph and scripts", func(c *Config) *string { return &c.API }},
		{"region", "where this server is, as services and deployments say", func(c *Config) *string { return &c.Region }},
		{"apps-domain", "services are at <service>.<apps domain>", func(c *Config) *string { return &c.AppsDomain }},
		{"bin-dir", "folder of containerd, runc and buildkitd (default: csphd's own)", func(c *Config) *string { return &c.BinDir }},
		{"base-dir", "folder of locally made base images", func(c *Config) *string { return &c.BaseDir }},
		{"log-level", "debug, info, warn or error", func(c *Config) *string { return &c.LogLevel }},
	}
}

// addFlags declares the flags; loadConfig reads them.
func addFlags(flags *pflag.FlagSet) {
	def := defaults()
	flags.String("config", "", "configuration file (YAML)")
	for _, s := range settings() {
		flags.String(s.name, *s.value(&def), s.usage)
	}
}

// loadConfig puts defaults, file, environment and flags on top of each other, in this order.
func loadConfig(flags *pflag.FlagSet, env func(string) string) (Config, error) {
	c := defaults()
	path, _ := flags.GetString("config")
	if err := readConfigFile(path, &c); err != nil {
		return c, err
	}
	for _, s := range settings() {
		if v := env("CSPHD_" + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))); v != "" {
			*s.value(&c) = v
		}
		if flags.Changed(s.name) {
			*s.value(&c), _ = flags.GetString(s.name)
		}
	}
	return c, c.validate()
}

func readConfigFile(path string, c *Config) error {
	if path == "" {
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	if err := yaml.UnmarshalWithOptions(b, c, yaml.Strict()); err != nil {
		return fmt.Errorf("configuration %s: %s", path, yaml.FormatError(err, false, true))
	}
	return nil
}

var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

var regionName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// maxState keeps the sockets below the state folder within what a unix socket's path may be (108 bytes, unix(7)).
const maxState = 70

func (c *Config) validate() error {
	state, err := filepath.Abs(c.State)
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	c.State = state
	var errs []error
	if len(c.State) > maxState {
		errs = append(errs, fmt.Errorf("state: %q is longer than %d bytes: sockets below it would not work; choose a shorter path", c.State, maxState))
	}
	for _, a := range []struct{ name, addr string }{{"http", c.HTTP}, {"https", c.HTTPS}, {"ssh", c.SSH}, {"api", c.API}} {
		if a.name == "https" && a.addr == "off" {
			continue
		}
		if _, err := net.ResolveTCPAddr("tcp", a.addr); err != nil {
			errs = append(errs, fmt.Errorf("%s: %q is no address such as :8080 or 127.0.0.1:8080: %w", a.name, a.addr, err))
		}
	}
	if !domainName.MatchString(c.AppsDomain) {
		errs = append(errs, fmt.Errorf("apps_domain: %q is no domain name", c.AppsDomain))
	}
	if !regionName.MatchString(c.Region) {
		errs = append(errs, fmt.Errorf("region: %q is no name for a region: lower-case letters, digits and -, as eu-central", c.Region))
	}
	if err := c.Autoscale.validate(); err != nil {
		errs = append(errs, err)
	}
	if c.Build.CPUs < 1 || c.Build.CPUs > 5 {
		errs = append(errs, fmt.Errorf("build.cpus: %d is not between 1 and 5", c.Build.CPUs))
	}
	if c.Build.MemoryMB < 256 {
		errs = append(errs, fmt.Errorf("build.memory_mb: %d is less than 256, too little for any build", c.Build.MemoryMB))
	}
	if c.Previews.Keep < time.Minute {
		errs = append(errs, fmt.Errorf("previews.keep: %s is less than a minute; write for example 336h", c.Previews.Keep))
	}
	if c.Build.Parallel < 0 || c.Build.MinFreeMB < 0 {
		errs = append(errs, fmt.Errorf("build.parallel, build.min_free_mb: %d, %d are not 0 or more", c.Build.Parallel, c.Build.MinFreeMB))
	}
	if _, err := logLevel(c.LogLevel); err != nil {
		errs = append(errs, err)
	}
	if err := c.validateDomains(); err != nil {
		errs = append(errs, err)
	}
	if err := c.AccessLog.validate(); err != nil {
		errs = append(errs, err)
	}
	if _, err := c.Router.config(nil); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
