package platform

import "time"

// Event is something that happened to a service. Per service, events are totally ordered by Seq.
type Event struct {
	Seq        int64     `json:"seq"` // position on the bus; assigned by Publish
	Time       time.Time `json:"time"`
	Service    string    `json:"service"`
	Deployment string    `json:"deployment,omitempty"`
	Spherelet  string    `json:"spherelet,omitempty"`
	Kind       string    `json:"kind"`
	Status     string    `json:"status,omitempty"`  // for stack.build and appVersion: RUNNING, FINISHED, FAILED, ACTIVE
	Message    string    `json:"message,omitempty"` // one line for a person
}

// Event kinds (SPEC section 6). The end of the build and the end of the deploy are different events.
const (
	EventAccepted     = "accepted"
	EventBuild        = "stack.build"  // RUNNING, then FINISHED or FAILED
	EventBuildQueued  = "build_queued" // what the build waits for; again whenever that changes
	EventPullingImage = "pulling_image"
	EventImagePulled  = "image_pulled"
	EventRelease      = "release_command"
	EventStarting     = "starting"
	EventRunning      = "running"
	EventUnhealthy    = "unhealthy"
	EventHealthy      = "healthy"
	EventDisconnected = "disconnected" // out of the router: its health check fails
	EventReconnected  = "reconnected"
	EventRestarting   = "restarting" // its health check has failed for too long
	EventSchedule     = "schedule"   // a scheduled command of the source has ended
	EventCrashLooping = "crash_looping"
	EventExited       = "exited"
	EventOutOfMemory  = "out_of_memory"
	EventVersion      = "appVersion" // ACTIVE
	EventLive         = "live"
	EventDraining     = "draining"
	EventDrained      = "drained"
	EventRetired      = "retired"
	EventScaling      = "scaling"
	EventScaled       = "scaled"
	EventScaleLimited = "scale_limited" // autoscaling wants more spherelets than the account or the server has room for
	EventSuspended    = "suspended"
	EventResumed      = "resumed"
	EventVolume       = "volume" // a volume of the service was attached, detached, restored, or snapshotted
	EventFailed       = "failed"
	EventCanceled     = "canceled"
	EventSuperseded   = "superseded"
	EventStatus       = "status"    // a deployment entered Status
	EventCollected    = "collected" // images or caches that nothing refers to were removed
)

// Settles reports whether e is the last event of a deployment that a waiting client needs.
func (e Event) Settles() bool {
	switch e.Kind {
	case EventLive, EventFailed, EventCanceled, EventSuperseded:
		return true
	}
	return false
}
