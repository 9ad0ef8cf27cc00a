package zerops

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Run is the section run.
type Run struct {
	Base            string            `json:"base,omitempty"`
	OS              string            `json:"os,omitempty"`
	PrepareCommands []string          `json:"prepare_commands,omitempty"`
	Ports           []Port            `json:"ports,omitempty"`
	Start           string            `json:"start,omitempty"`
	StartCommands   []Process         `json:"start_commands,omitempty"`
	InitCommands    []string          `json:"init_commands,omitempty"`
	Env             map[string]string `json:"env,omitempty"`
	EnvReplace      *EnvReplace       `json:"env_replace,omitempty"`
	HealthCheck     *HealthCheck      `json:"health_check,omitempty"`
	Crontab         []Cron            `json:"crontab,omitempty"`
	Routing         *Routing          `json:"routing,omitempty"`
	DocumentRoot    string            `json:"document_root,omitempty"` // of php-apache@ and php-nginx@
}

// Port is one that the service listens on.
type Port struct {
	Port        int    `json:"port"`
	Protocol    string `json:"protocol"` // TCP or UDP
	HTTPSupport bool   `json:"http_support,omitempty"`
}

// Process is one of several that a spherelet runs.
type Process struct {
	Command      string   `json:"command"`
	Name         string   `json:"name,omitempty"`
	WorkingDir   string   `json:"working_dir,omitempty"` // "": /var/www
	InitCommands []string `json:"init_commands,omitempty"`
}

// EnvReplace names placeholders in files that become values of variables when a spherelet starts: a name between
// two delimiters. Of a folder, only the files right in it are looked at.
type EnvReplace struct {
	Delimiter []string `json:"delimiter"`
	Target    []string `json:"target"` // relative to /var/www
}

// Cron is a command on a schedule.
type Cron struct {
	Command       string `json:"command"`
	Timing        string `json:"timing"` // five fields
	AllContainers bool   `json:"all_containers,omitempty"`
	WorkingDir    string `json:"working_dir,omitempty"`
}

// Deploy is the section deploy.
type Deploy struct {
	ReadinessCheck    *ReadinessCheck `json:"readiness_check,omitempty"`
	TemporaryShutdown bool            `json:"temporary_shutdown,omitempty"`
}

// Probe is a question to a spherelet: a GET or a command. Exactly one of them is set.
type Probe struct {
	HTTPGet *HTTPGet `json:"http_get,omitempty"`
	Exec    string   `json:"exec,omitempty"` // run by a shell in the spherelet
}

// HTTPGet is a GET to the spherelet.
type HTTPGet struct {
	Port   int    `json:"port"`
	Path   string `json:"path"`
	Host   string `json:"host,omitempty"`
	Scheme string `json:"scheme,omitempty"` // http (also "") or https
}

// ReadinessCheck is asked during the deployment only. Zero times mean the defaults of SPEC section 3.
type ReadinessCheck struct {
	Probe
	FailureTimeout time.Duration `json:"failure_timeout,omitempty"`
	RetryPeriod    time.Duration `json:"retry_period,omitempty"`
}

// HealthCheck is asked for as long as a deployment is live.
type HealthCheck struct {
	Probe
	FailureTimeout    time.Duration `json:"failure_timeout,omitempty"`
	DisconnectTimeout time.Duration `json:"disconnect_timeout,omitempty"`
	RecoveryTimeout   time.Duration `json:"recovery_timeout,omitempty"`
	ExecPeriod        time.Duration `json:"exec_period,omitempty"`
}

func (r *reader) run(n *node, path string) Run {
	var v Run
	var base []string
	r.section(n, path, []field{
		{"base", r.bases(&base, true)},
		{"os", r.oneOf(&v.OS, "alpine", "ubuntu")},
		{"prepareCommands", r.texts(&v.PrepareCommands)},
		{"ports", r.each(func(n *node, path string) { v.Ports = append(v.Ports, r.port(n, path)) })},
		{"start", r.text(&v.Start)},
		{"startCommands", r.each(func(n *node, path string) { v.StartCommands = append(v.StartCommands, r.process(n, path)) })},
		{"initCommands", r.texts(&v.InitCommands)},
		{"envVariables", r.variables(&v.Env)},
		{"envReplace", func(n *node, path string) { v.EnvReplace = r.envReplace(n, path) }},
		{"healthCheck", func(n *node, path string) { v.HealthCheck = r.healthCheck(n, path) }},
		{"crontab", r.each(func(n *node, path string) { v.Crontab = append(v.Crontab, r.cron(n, path)) })},
		{"routing", func(n *node, path string) { v.Routing = r.routing(n, path) }},
		{"documentRoot", r.path(&v.DocumentRoot)},
	})
	if v.Start != "" && len(v.StartCommands) > 0 {
		r.report(n.get("startCommands"), path, "keep one of them", "start and startCommands are both there")
	}
	if len(base) > 0 {
		v.Base = base[0]
	}
	return v
}

func (r *reader) port(n *node, path string) Port {
	p := Port{Protocol: "TCP"}
	r.section(n, path, []field{
		{"port", r.integer(&p.Port, 1, 65535)},
		{"protocol", r.oneOf(&p.Protocol, "TCP", "UDP")},
		{"httpSupport", r.boolean(&p.HTTPSupport)},
	})
	r.require(n, path, "port")
	if p.HTTPSupport && p.Protocol == "UDP" {
		r.report(n, path, "remove one of them", "httpSupport is for TCP, not for UDP")
	}
	return p
}

func (r *reader) process(n *node, path string) Process {
	var p Process
	r.section(n, path, []field{
		{"command", r.text(&p.Command)},
		{"name", r.text(&p.Name)},
		{"workingDir", r.text(&p.WorkingDir)},
		{"initCommands", r.texts(&p.InitCommands)},
	})
	r.require(n, path, "command")
	return p
}

func (r *reader) envReplace(n *node, path string) *EnvReplace {
	e := &EnvReplace{}
	r.section(n, path, []field{{"delimiter", r.texts(&e.Delimiter)}, {"target", r.paths(&e.Target)}})
	r.require(n, path, "delimiter", "target")
	return e
}

func (r *reader) cron(n *node, path string) Cron {
	var c Cron
	r.section(n, path, []field{
		{"command", r.text(&c.Command)},
		{"timing", func(n *node, path string) {
			r.text(&c.Timing)(n, path)
			_, err := cron.ParseStandard(c.Timing)
			if err != nil || len(strings.Fields(c.Timing)) != 5 {
				r.report(n, path, `for example "0 5 * * *"`, "%q is no schedule of five fields", shorten(c.Timing))
			}
		}},
		{"allContainers", r.boolean(&c.AllContainers)},
		{"workingDir", r.text(&c.WorkingDir)},
	})
	r.require(n, path, "command", "timing")
	return c
}

func (r *reader) deploy(n *node, path string) Deploy {
	var d Deploy
	r.section(n, path, []field{
		{"readinessCheck", func(n *node, path string) { d.ReadinessCheck = r.readinessCheck(n, path) }},
		{"temporaryShutdown", r.boolean(&d.TemporaryShutdown)},
	})
	return d
}

func (r *reader) readinessCheck(n *node, path string) *ReadinessCheck {
	c := &ReadinessCheck{}
	r.section(n, path, append(r.probe(&c.Probe),
		field{"failureTimeout", r.seconds(&c.FailureTimeout)},
		field{"retryPeriod", r.seconds(&c.RetryPeriod)},
	))
	r.oneProbe(n, path)
	return c
}

func (r *reader) healthCheck(n *node, path string) *HealthCheck {
	c := &HealthCheck{}
	r.section(n, path, append(r.probe(&c.Probe),
		field{"failureTimeout", r.seconds(&c.FailureTimeout)},
		field{"disconnectTimeout", r.seconds(&c.DisconnectTimeout)},
		field{"recoveryTimeout", r.seconds(&c.RecoveryTimeout)},
		field{"execPeriod", r.seconds(&c.ExecPeriod)},
	))
	r.oneProbe(n, path)
	return c
}

func (r *reader) probe(p *Probe) []field {
	return []field{
		{"httpGet", func(n *node, path string) {
			p.HTTPGet = &HTTPGet{}
			r.section(n, path, []field{
				{"port", r.integer(&p.HTTPGet.Port, 1, 65535)},
				{"path", r.text(&p.HTTPGet.Path)},
				{"host", r.text(&p.HTTPGet.Host)},
				{"scheme", r.oneOf(&p.HTTPGet.Scheme, "http", "https")},
			})
			r.require(n, path, "port", "path")
		}},
		{"exec", func(n *node, path string) {
			r.section(n, path, []field{{"command", r.text(&p.Exec)}})
			r.require(n, path, "command")
		}},
	}
}

func (r *reader) oneProbe(n *node, path string) {
	if n.kind == object && (n.get("httpGet") == nil) == (n.get("exec") == nil) {
		r.report(n, path, "", "needs exactly one of httpGet and exec")
	}
}

// webPort is the port of run.ports that requests go to: the first with httpSupport, else the first TCP port, else 0.
func (v Run) webPort() int {
	i := slices.IndexFunc(v.Ports, func(p Port) bool { return p.HTTPSupport })
	if i < 0 {
		i = slices.IndexFunc(v.Ports, func(p Port) bool { return p.Protocol == "TCP" })
	}
	if i < 0 {
		return 0
	}
	return v.Ports[i].Port
}

// Processes are what a spherelet runs: startCommands, or start alone.
func (v Run) Processes() []Process {
	if v.Start != "" {
		return []Process{{Command: v.Start}}
	}
	return v.StartCommands
}

func (p Process) String() string {
	if p.Name != "" {
		return fmt.Sprintf("%s (%s)", p.Command, p.Name)
	}
	return p.Command
}
