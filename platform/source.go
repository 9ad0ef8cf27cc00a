package platform

import "time"

// ID prefixes of what belongs to a service's source.
const (
	WebhookPrefix  = "whk"
	DeliveryPrefix = "dlv"
)

// Kinds of the credential that opens a repository.
const (
	ByToken     = "token"      // over https
	ByDeployKey = "deploy_key" // over ssh
)

// Repository is where a service's source is when it is not pushed to csph. Its credential is never shown.
type Repository struct {
	URL        string        `json:"url"`
	Branch     string        `json:"branch,omitempty"`     // empty: the repository's default branch
	Credential string        `json:"credential,omitempty"` // token, deploy_key, or empty for public ones
	User       string        `json:"user,omitempty"`       // that goes with the token
	Poll       time.Duration `json:"poll,omitempty"`       // how often the branch is asked for; 0: never
	Polled     string        `json:"polled,omitempty"`     // the commit that polling saw last
	Provider   string        `json:"provider,omitempty"`   // who keeps it, where neither its host nor a webhook says
	Watch      []string      `json:"watch,omitempty"`      // patterns, as in .gitignore, of the files whose changes are deployed; none: all
	LFS        bool          `json:"lfs,omitempty"`        // whether the contents of Git LFS files are fetched
	Muted      string        `json:"muted,omitempty"`      // why its host is told nothing any more
	By         string        `json:"by"`
	Connected  time.Time     `json:"connected"`
}

// Webhook is an address at which a provider of repositories says that something was pushed.
type Webhook struct {
	ID       string `json:"id"`
	Service  string `json:"service"`
	Provider string `json:"provider"`
	Branch   string `json:"branch,omitempty"` // what is deployed; empty: the branch that the service is connected to, or the repository's default branch
	Tags     string `json:"tags,omitempty"`   // pattern of the tags that are deployed too
	Previews bool   `json:"previews,omitempty"`
	// KeepPreviews is how long a preview stays without a commit; 0: as csphd is configured.
	KeepPreviews time.Duration `json:"keep_previews,omitempty"`
	Watch        []string      `json:"watch,omitempty"` // as that of Repository
	By           string        `json:"by"`
	Created      time.Time     `json:"created"`
}

// Delivery is what a webhook was told and took on.
type Delivery struct {
	ID         string       `json:"id"`
	Webhook    string       `json:"webhook"`
	Service    string       `json:"service"`
	Name       string       `json:"name"` // the provider's, the same for every attempt to deliver it
	Ref        string       `json:"ref"`
	Commit     string       `json:"commit"`
	Subject    string       `json:"subject,omitempty"`
	Sender     string       `json:"sender,omitempty"`
	Address    string       `json:"address,omitempty"` // IP it came from
	Pull       *PullRequest `json:"pull_request,omitempty"`
	Accepted   time.Time    `json:"accepted"`
	Deployment string       `json:"deployment,omitempty"`
	Outcome    string       `json:"outcome,omitempty"` // empty until it is settled
	Settled    time.Time    `json:"settled,omitzero"`
}

// PullRequest is the pull request that a delivery is about.
type PullRequest struct {
	Number int    `json:"number"`
	State  string `json:"state"` // opened, updated, closed
	Title  string `json:"title,omitempty"`
	Branch string `json:"branch"`
	Source string `json:"source,omitempty"` // owner/name of the repository that the branch is in
}

// Preview is a service that a pull request is deployed to.
type Preview struct {
	Service string    `json:"service"`
	Parent  string    `json:"parent"` // the service whose pull request it is
	Number  int       `json:"number"`
	Touched time.Time `json:"touched"` // when its last commit came
	Expires time.Time `json:"expires"`
}

// Trigger kinds of sources elsewhere.
const (
	TriggerWebhook = "webhook"
	TriggerPoll    = "poll"
)
