package platform

import "time"

// Report is what the host of a repository is told of a deployment, in its newest state. It is sent until the host has
// taken it, or will not.
type Report struct {
	// Subject identifies it: a newer report of the same subject takes the older one's place.
	Subject    string     `json:"subject"`
	Service    string     `json:"service"` // whose repository and credential it is sent with
	Kind       ReportKind `json:"kind"`
	Deployment string     `json:"deployment,omitempty"`
	Commit     string     `json:"commit,omitempty"`
	// Ref is the branch or tag, without refs/heads/ or refs/tags/.
	Ref         string      `json:"ref,omitempty"`
	Label       string      `json:"label,omitempty"`       // tells the reports of several services apart
	Environment string      `json:"environment,omitempty"` // of ReportDeployment
	Pull        int         `json:"pull,omitempty"`        // of ReportComment
	State       ReportState `json:"state"`
	Text        string      `json:"text"`
	URL         string      `json:"url,omitempty"` // where the deployment is reached
	// Handle is the host's own name of what it was told, by which it is changed afterwards.
	Handle   string    `json:"handle,omitempty"`
	Last     bool      `json:"last,omitempty"` // nothing follows: it is forgotten once it was told
	Attempts int       `json:"attempts,omitempty"`
	Version  int64     `json:"-"` // which one of its subject
	Due      time.Time `json:"-"`
}

// ReportKind is a way to tell something.
type ReportKind string

// Kinds of reports.
const (
	ReportStatus     ReportKind = "status"     // beside the commit
	ReportDeployment ReportKind = "deployment" // in the host's list of deployments, where it has one
	ReportComment    ReportKind = "comment"    // on the pull request; one, which is edited
)

// ReportState is what has become of the deployment.
type ReportState string

// States of what is reported.
const (
	ReportPending ReportState = "pending"
	ReportSuccess ReportState = "success"
	ReportFailure ReportState = "failure"
	// ReportInactive says that what was deployed to the environment of a ReportDeployment has gone.
	ReportInactive ReportState = "inactive"
)

// EventPreviewGone says that a pull request's preview was withdrawn although it is open.
const EventPreviewGone = "preview_gone"

// EventReport says that the host of a repository is told nothing any more, and why.
const EventReport = "report"
