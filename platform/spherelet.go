package platform

import (
	"net/netip"
	"time"
)

// Set is the identical spherelets of one deployment: what an engine runs (DESIGN section 1).
type Set struct {
	Deployment string
	Service    string
	Project    string // spherelets of different projects cannot reach each other
	Hostname   string
	Image      Image
	Command    []string          // what to run; empty means the image's own
	Launch     *Launch           // what happens at each start instead of Command alone; nil: nothing more
	Env        map[string]string // final environment, PORT included
	Secret     []string          // names of those in Env whose values no log may have
	Port       int
	Shape      Shape
	Count      int
	Grace      time.Duration // SIGTERM to SIGKILL
	Mounts     []Mount       // each spherelet of the set sees the very same folders
}

// SphereletState is what an engine observes of one spherelet.
type SphereletState string

const (
	Starting SphereletState = "starting"
	Running  SphereletState = "running" // its process runs; whether it answers is for the probes to say
	BackOff  SphereletState = "back_off"
	Stopping SphereletState = "stopping"
	Gone     SphereletState = "gone" // removed; the last state of any spherelet
)

// Exit is how a spherelet's process last ended.
type Exit struct {
	Code  int       `json:"code"`
	OOM   bool      `json:"oom"`             // killed by the kernel for memory
	Error string    `json:"error,omitempty"` // why it could not be started at all
	At    time.Time `json:"at"`
}

// Spherelet is one running instance of a deployment.
type Spherelet struct {
	ID         string         `json:"id"`
	Deployment string         `json:"deployment"`
	Service    string         `json:"service"`
	State      SphereletState `json:"state"`
	Address    netip.AddrPort `json:"address"`
	Exits      int            `json:"exits"` // how often its process has ended by itself
	LastExit   *Exit          `json:"last_exit,omitempty"`
	Started    time.Time      `json:"started"`
}
