package platform

import (
	"strings"
	"time"
)

// ID prefixes of who and what looks after an account.
const (
	MemberPrefix     = "mem"
	InvitationPrefix = "inv"
)

// Member is a person, or a machine, of an account. Tokens and SSH keys belong to one and can do no more than it.
type Member struct {
	ID       string    `json:"id"`
	Account  string    `json:"account"`
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Projects []string  `json:"projects,omitempty"` // ids of those the member is limited to; none: all
	Created  time.Time `json:"created"`
}

// Invitation lets somebody become a member, once.
type Invitation struct {
	ID       string    `json:"id"`
	Account  string    `json:"account"`
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Projects []string  `json:"projects,omitempty"`
	By       string    `json:"invited_by"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
}

// Quota bounds what an account may use at once. Zero fields are no bound.
type Quota struct {
	Spherelets int   `json:"spherelets,omitempty"`
	MilliCPU   int64 `json:"milli_cpu,omitempty"` // thousandths of a vCPU
	MemoryMB   int64 `json:"memory_mb,omitempty"`
	Builds     int   `json:"builds,omitempty"`  // deployments that are queued or building
	DiskMB     int64 `json:"disk_mb,omitempty"` // images that can be restored, each counted once
}

// Secret is a secret variable of a service, without its value, which leaves the records only to run the service.
type Secret struct {
	Name    string    `json:"name"`
	Version int64     `json:"version"`
	By      string    `json:"set_by"`
	Created time.Time `json:"created"`
}

// Registry is where a service pulls private images from, without the password.
type Registry struct {
	Host     string    `json:"host"`
	Username string    `json:"username"`
	By       string    `json:"set_by"`
	Created  time.Time `json:"created"`
}

// AuditEntry is one change that was made or refused: who, what, when, from where.
type AuditEntry struct {
	Seq        int64     `json:"seq"` // position in the log; grows
	Time       time.Time `json:"time"`
	Account    string    `json:"account,omitempty"` // none: nobody known
	Member     string    `json:"member,omitempty"`  // name
	Credential string    `json:"credential,omitempty"`
	Address    string    `json:"address,omitempty"` // IP it came from
	Request    string    `json:"request_id,omitempty"`
	Action     string    `json:"action"`           // the operation
	Target     string    `json:"target,omitempty"` // what it was done to, as the request named it
	Status     int       `json:"status"`           // of the answer (HTTP); below 400: it was done; 0: it was begun, and is under way or was cut off
	Message    string    `json:"message,omitempty"`
}

// RegistryHost is how a registry is called where its logins are kept: Docker Hub has several names.
func RegistryHost(host string) string {
	switch host = strings.ToLower(host); host {
	case "registry-1.docker.io", "index.docker.io":
		return "docker.io"
	}
	return host
}
