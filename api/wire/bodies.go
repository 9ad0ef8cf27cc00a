package wire

import (
	"encoding/json"
	"time"

	"csph/logs"
	"csph/platform"
)

// ServerStatus is how the server is.
type ServerStatus struct {
	Version string       `json:"version"`
	Started time.Time    `json:"started"`
	Ready   bool         `json:"ready" doc:"Everything is up; what /healthz answers with 200"`
	Counts  ServerCounts `json:"counts"`
	Daemons []Daemon     `json:"daemons"`
	GitPort int          `json:"git_port" doc:"Where git push goes, on the host of the API: ssh://git@HOST:PORT/SERVICE"`
	AppsURL string       `json:"apps_url" doc:"Where the services of production are, each by its name in place of SERVICE" example:"http://SERVICE.localhost"`
	// Usage is what the account uses of its quota, which is in Whoami.
	Usage platform.Quota `json:"usage"`
}

// ServerCounts counts what the account has.
type ServerCounts struct {
	Services   int `json:"services"`
	Live       int `json:"live" doc:"Services with a live deployment"`
	Spherelets int `json:"spherelets" doc:"Spherelets that should be running"`
}

// Daemon is one process that the server supervises.
type Daemon struct {
	Name     string    `json:"name" example:"containerd"`
	Up       bool      `json:"up"`
	PID      int       `json:"pid,omitempty"`
	Since    time.Time `json:"since,omitzero" doc:"When the present process was started"`
	Restarts int       `json:"restarts"`
	Error    string    `json:"error,omitempty" doc:"How the last process ended"`
}

// ServiceView is a service, where it is reached, and what of it runs.
type ServiceView struct {
	platform.Service
	URL    string `json:"url"`
	Region string `json:"region,omitempty" doc:"Where the next deployment will run"`
	// Running is of the live deployment; absent while nothing is live.
	Running *Running `json:"running,omitempty"`
	// Preview is set where the service is one, and it alone was asked for.
	Preview *platform.Preview `json:"preview,omitempty"`
}

// Running is what a live deployment runs as. Config, beside it, is what the next deployment will get.
type Running struct {
	Shape string `json:"shape"`
	Count int    `json:"count"`
	Up    int    `json:"up" doc:"Spherelets whose process runs now"`
}

// NewService is a service to create.
type NewService struct {
	Name string               `json:"name" doc:"name, env/name or project/env/name" minLength:"1" maxLength:"200"`
	Type platform.ServiceType `json:"type,omitempty" doc:"web (default), static: its source is a site, worker, or cron: it has no spherelets but those of its schedules' runs" enum:"web,static,worker,cron"`
	ConfigChange
}

// ConfigChange changes a service's config; what it leaves out stays as it is.
type ConfigChange struct {
	SetEnv   map[string]string `json:"set_env,omitempty" doc:"Variables to set"`
	UnsetEnv []string          `json:"unset_env,omitempty" doc:"Variables to remove" nullable:"false"`
	Shape    *string           `json:"shape,omitempty" doc:"FLX, MAX or PWR"`
	Count    *int              `json:"count,omitempty" doc:"How many spherelets" minimum:"1"`
	Port     *int              `json:"port,omitempty" doc:"What the service listens on; 0 for the default" minimum:"0" maximum:"65535"`
	Build    *string           `json:"build,omitempty" doc:"Replaces the detected build command; empty for the detected one"`
	Run      *string           `json:"run,omitempty" doc:"Replaces the detected start command; empty for the detected one"`
	Dir      *string           `json:"dir,omitempty" doc:"The folder of the source to deploy, from its root; empty to let the source tell"`
	Setup    *string           `json:"setup,omitempty" doc:"The setup of zerops.yml; empty for the one named like the service"`
	Health   *platform.Health  `json:"health,omitempty" doc:"How spherelets are checked while they are live; an empty object for not at all"`
	Process  *string           `json:"process,omitempty" doc:"The process type of the Procfile to run; empty for web"`
	MaxBody  *int64            `json:"max_body_mb,omitempty" doc:"The largest body of a request, in MB; 0 for the server's limit, -1 for none" minimum:"-1" maximum:"1048576"`
	Sticky   *bool             `json:"sticky,omitempty" doc:"Keep a client with the spherelet that answered it first"`
	Ready    *platform.Check   `json:"ready,omitempty" doc:"How readiness is checked; an empty object for the default rule"`
	Region   *string           `json:"region,omitempty" doc:"Where it runs; empty for the server's default" maxLength:"63"`
	// Autoscale lets CPU use decide the count, which cannot be set beside it then.
	Autoscale *AutoscaleChange `json:"autoscale,omitempty"`
}

// AutoscaleChange changes what decides a service's count; what it leaves out stays as it is, or is the default.
type AutoscaleChange struct {
	Min *int `json:"min,omitempty" doc:"The fewest spherelets; default 1" minimum:"1" maximum:"100"`
	Max *int `json:"max,omitempty" doc:"The most spherelets; needed to turn autoscaling on" minimum:"1" maximum:"100"`
	CPU *int `json:"cpu,omitempty" doc:"Percent of their shape's vCPU that the spherelets are to use; default 70" minimum:"1" maximum:"90"`
	Off bool `json:"off,omitempty" doc:"Turn autoscaling off; the count stays as it is"`
}

// Configured is the outcome of a config change.
type Configured struct {
	Service ServiceView `json:"service"`
	// Deployment rolls the change out; nil when nothing is live yet.
	Deployment *platform.Deployment `json:"deployment,omitempty"`
}

// NewDeployment asks for a deployment of an image, of a repository, or (with an upload) of a source.
type NewDeployment struct {
	Image  string       `json:"image,omitempty" doc:"Reference to pull, from any registry" maxLength:"1000"`
	Repo   string       `json:"repo,omitempty" doc:"Repository to fetch; one that is private must be connected to the service" maxLength:"2000"`
	Branch string       `json:"branch,omitempty" doc:"Of repo, or of the connected repository" maxLength:"250"`
	Fetch  bool         `json:"fetch,omitempty" doc:"Fetch the connected repository"`
	Change ConfigChange `json:"change,omitzero" doc:"Changes to the service's config that come with it"`
	// NoCache is of no account for an image.
	NoCache bool `json:"no_cache,omitempty" doc:"Build anew, whatever is cached, even where nothing has changed"`
}

// NewKey is an SSH public key to add.
type NewKey struct {
	Name   string `json:"name,omitempty" doc:"Defaults to the key's comment" maxLength:"200"`
	Public string `json:"public" doc:"A line of authorized_keys form" minLength:"1" maxLength:"16384"`
}

// LogLine is one line of a log, and where it comes from.
type LogLine struct {
	Time   time.Time `json:"time"`
	Stream string    `json:"stream" doc:"out, err, step for csph's own account, or progress where it was asked for" enum:"out,err,step,progress"`
	Text   string    `json:"text"`
	// Step and Progress are of build logs alone.
	Step       string                  `json:"step,omitempty" doc:"The step of the build that the line is of"`
	Progress   *platform.BuildProgress `json:"progress,omitempty" doc:"What has become of steps; the text is empty then"`
	Deployment string                  `json:"deployment,omitempty"`
	Spherelet  string                  `json:"spherelet,omitempty"`
}

// StreamName is how a stream of a log file is called on the wire.
func StreamName(s logs.Stream) string {
	switch s {
	case logs.Err:
		return "err"
	case logs.Step:
		return "step"
	case logs.Progress:
		return "progress"
	}
	return "out"
}

// StreamOf is the reverse of StreamName.
func StreamOf(name string) logs.Stream {
	switch name {
	case "err":
		return logs.Err
	case "step":
		return logs.Step
	case "progress":
		return logs.Progress
	}
	return logs.Out
}

// FileLine is the line as a log file has it.
func FileLine(l LogLine) logs.Line {
	line := logs.Line{Time: l.Time, Stream: StreamOf(l.Stream), Text: l.Text, Step: l.Step}
	if l.Progress != nil {
		if text, err := json.Marshal(l.Progress); err == nil {
			line.Text = string(text)
		}
	}
	return line
}

// Names of the events of a stream of server-sent events (WHATWG HTML 9.2).
const (
	MessageEvent = "event" // data: platform.Event
	MessageLine  = "line"  // data: LogLine
	MessageEnd   = "end"   // data: {}; the stream is complete, do not reconnect
	MessageError = "error" // data: Problem; the stream broke, reconnect with Last-Event-ID
)
