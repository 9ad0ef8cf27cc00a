package platform

import "time"

// ID prefixes (TypeID, SPEC section 1). The records assign ids; they sort by time of creation.
const (
	AccountPrefix     = "acc"
	ProjectPrefix     = "prj"
	EnvironmentPrefix = "env"
	ServicePrefix     = "svc"
	DeploymentPrefix  = "dep"
	SphereletPrefix   = "sph"
	KeyPrefix         = "key"
	TokenPrefix       = "tok"
)

// Account owns capacity and members.
type Account struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Operator bool      `json:"operator,omitempty"` // its admins look after the server and the other accounts
	Quota    Quota     `json:"quota,omitzero"`
	Created  time.Time `json:"created"`
}

// Project groups what ships together. Spherelets of different projects cannot reach each other.
type Project struct {
	ID      string    `json:"id"`
	Account string    `json:"account"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
}

// Environment is production, staging, a preview. Its variables are inherited by its services.
type Environment struct {
	ID      string            `json:"id"`
	Project string            `json:"project"`
	Name    string            `json:"name"`
	Env     map[string]string `json:"env,omitempty"`
	Created time.Time         `json:"created"`
}

// ServiceType says how a service is run.
type ServiceType string

const (
	Web    ServiceType = "web"
	Worker ServiceType = "worker"
	Static ServiceType = "static" // as Web; its source must be a site, which is served as files
)

// Service is the long-lived thing; deployments are its history.
type Service struct {
	ID          string      `json:"id"`
	Account     string      `json:"account"`
	Project     string      `json:"project"`     // id
	Environment string      `json:"environment"` // id
	EnvName     string      `json:"environment_name"`
	Name        string      `json:"name"`
	Host        string      `json:"host"` // first label of its host name under the apps domain
	Type        ServiceType `json:"type"`
	Config      Config      `json:"config"`         // what the next deployment will inherit
	Live        string      `json:"live,omitempty"` // id of the live deployment
	Suspended   bool        `json:"suspended,omitempty"`
	Scale       int         `json:"scale,omitempty"` // spherelets of the live deployment, where those are not its own count
	Created     time.Time   `json:"created"`
}

// Size is how many spherelets of the service's live deployment there should be.
func (s Service) Size(live Deployment) int {
	if s.Scale > 0 {
		return s.Scale
	}
	return live.Config.Count
}

// Config is everything about a service that a deployment freezes.
type Config struct {
	Shape string            `json:"shape"`
	Count int               `json:"count"`
	Port  int               `json:"port,omitempty"` // 0: the image's single EXPOSE, else 8080
	Env   map[string]string `json:"env,omitempty"`
	// Secrets are the versions of the secret variables by name. Their values are in no record that is shown.
	Secrets map[string]int64 `json:"secrets,omitempty"`
	Build   string           `json:"build,omitempty"` // overrides the detected build command
	Run     string           `json:"run,omitempty"`   // overrides the detected start command
	Ready   *Check           `json:"ready,omitempty"` // nil: the default readiness rule (SPEC section 4)
	// Health is asked for as long as a deployment is live; nil: nothing is.
	Health *Health `json:"health,omitempty"`
	// Dir is the folder of the source that is deployed, of a repository with several; "" lets the source tell.
	Dir string `json:"dir,omitempty"`
	// Process is the type of the Procfile that the service runs; "" is web.
	Process string `json:"process,omitempty"`
	// Setup is the setup of zerops.yml, where it is not the one named like the service.
	Setup string `json:"setup,omitempty"`
	// Volumes are those of the service when the deployment was made: a service's own config has none. They do not come
	// back with a rollback: what a service keeps is not config.
	Volumes []Mount `json:"volumes,omitempty"`
	// MaxBodyMB bounds the body of a request; 0: as the router is configured, -1: not at all.
	MaxBodyMB int64 `json:"max_body_mb,omitempty"`
	// Sticky keeps a client with the spherelet that answered it first, by a cookie.
	Sticky bool `json:"sticky,omitempty"`
	// Autoscale decides Count while spherelets run; nil: people do. It is the service's: what a deployment has of it is
	// how it was then, and a rollback leaves it as it is.
	Autoscale *Autoscale `json:"autoscale,omitempty"`
	// Region is where spherelets run. Of a service "" means the server's default; a deployment says which it was.
	Region string `json:"region,omitempty"`
	// RestartedAt is when a restart, or a change of a secret, last asked for new spherelets of the same image.
	RestartedAt time.Time `json:"restarted_at,omitzero"`
	// Drain bounds how long in-flight requests may take once traffic has moved; 0 means 30 s.
	Drain time.Duration `json:"drain,omitempty"`
	// Grace is the time between SIGTERM and SIGKILL; 0 means 30 s.
	Grace time.Duration `json:"grace,omitempty"`
}

// Check is a question to one spherelet: an HTTP request, or a command.
type Check struct {
	Path           string        `json:"path,omitempty"`
	Port           int           `json:"port,omitempty"`            // 0: the service's port
	Host           string        `json:"host,omitempty"`            // header to ask with
	Scheme         string        `json:"scheme,omitempty"`          // http (also "") or https, whose certificate is not looked at
	Exec           string        `json:"exec,omitempty"`            // a shell's command in the spherelet, which passes with status 0; asked instead of Path
	FailureTimeout time.Duration `json:"failure_timeout,omitempty"` // 0: 300 s
	RetryPeriod    time.Duration `json:"retry_period,omitempty"`    // 0: 5 s
}

// SourceKind says where a deployment's image comes from.
type SourceKind string

const (
	FromGit     SourceKind = "git"
	FromTarball SourceKind = "tarball"
	FromImage   SourceKind = "image"
	// FromDeployment carries the image of an earlier deployment over: config changes, rollback, redeploy.
	FromDeployment SourceKind = "deployment"
)

// Source is what a deployment was made from.
type Source struct {
	Kind       SourceKind `json:"kind"`
	Revision   string     `json:"revision,omitempty"`   // git commit, or content digest of a tarball
	Branch     string     `json:"branch,omitempty"`     // git
	Subject    string     `json:"subject,omitempty"`    // first line of the commit message
	Repository string     `json:"repository,omitempty"` // URL of the one elsewhere that it was fetched from
	Image      string     `json:"image,omitempty"`      // reference as given, for FromImage
	Deployment string     `json:"deployment,omitempty"` // for FromDeployment
}

// Trigger says who asked for a deployment, and how.
type Trigger struct {
	Kind  string `json:"kind"`  // one of the Trigger… constants
	Actor string `json:"actor"` // key or token name
	// Address is the IP it came from; empty for what csph does by itself.
	Address string `json:"address,omitempty"`
}

// Image is a runnable image in the engine's store, with what its configuration says.
type Image struct {
	Ref     string   `json:"ref"`    // name in the engine's store
	Digest  string   `json:"digest"` // sha256:… of the manifest
	Size    int64    `json:"size,omitempty"`
	Command []string `json:"command,omitempty"` // entrypoint and arguments; what Config.Run or the plan chose
	Release string   `json:"release,omitempty"` // release command, run once before the rollout
	Port    int      `json:"port,omitempty"`    // the single EXPOSE, 0 when none or several
	Runtime *Runtime `json:"runtime,omitempty"` // what its source says about running it; nil: nothing
}

// Phase is one entry of a deployment's history.
type Phase struct {
	Status Status    `json:"status"`
	At     time.Time `json:"at"`
}

// Deployment is one rollout of a service. Source, Config and Image never change once set.
type Deployment struct {
	ID      string    `json:"id"`
	Service string    `json:"service"`
	Name    string    `json:"service_name"`
	Status  Status    `json:"status"`
	Reason  Reason    `json:"reason,omitempty"`
	Message string    `json:"message,omitempty"` // what happened, for the user
	Hint    string    `json:"hint,omitempty"`    // what to do next
	Tail    []string  `json:"tail,omitempty"`    // the lines of log that show it
	Trigger Trigger   `json:"trigger"`
	Source  Source    `json:"source"`
	Config  Config    `json:"config"` // env already merged: environment, then service, then this deploy
	Image   Image     `json:"image,omitzero"`
	History []Phase   `json:"history"`
	URL     string    `json:"url,omitempty"`
	Created time.Time `json:"created"`
}

// Port is the port a spherelet of the deployment listens on (SPEC section 4).
func (d Deployment) Port() int {
	switch {
	case d.Config.Port != 0:
		return d.Config.Port
	case d.Image.Port != 0:
		return d.Image.Port
	}
	return 8080
}

// Key is an SSH public key of an account member.
type Key struct {
	ID          string    `json:"id"`
	Account     string    `json:"account"`
	Member      string    `json:"member"` // id
	MemberName  string    `json:"member_name"`
	Name        string    `json:"name"`
	Public      string    `json:"public"`      // authorized_keys form, without comment
	Fingerprint string    `json:"fingerprint"` // SHA256:…
	Created     time.Time `json:"created"`
}

// Token is an API token; only its hash is stored. It can do what its member can, or less.
type Token struct {
	ID         string    `json:"id"`
	Account    string    `json:"account"`
	Member     string    `json:"member"` // id
	MemberName string    `json:"member_name"`
	Name       string    `json:"name"`
	ReadOnly   bool      `json:"read_only,omitempty"`
	Projects   []string  `json:"projects,omitempty"` // ids of those it is limited to; none: all of the member's
	Created    time.Time `json:"created"`
	Expires    time.Time `json:"expires,omitzero"` // zero: never
}

// Where names lead that leave something out (SPEC section 1).
const (
	DefaultProject     = "default"
	DefaultEnvironment = "production"
)

// Trigger kinds.
const (
	TriggerPush     = "push"
	TriggerDeploy   = "deploy"
	TriggerConfig   = "config"
	TriggerRollback = "rollback"
	TriggerRedeploy = "redeploy"
	TriggerRestart  = "restart"
	TriggerResume   = "resume"
)
