package wire

import "csph/platform"

// NewRepository connects a service to a repository elsewhere. The credential is kept encrypted and never shown again.
type NewRepository struct {
	URL       string `json:"url" doc:"https://…, ssh://… or user@host:path; without a credential in it" minLength:"1" maxLength:"2000"`
	Branch    string `json:"branch,omitempty" doc:"What is deployed; the default branch when empty" maxLength:"250"`
	Token     string `json:"token,omitempty" doc:"Opens a private repository over https" maxLength:"10000"`
	User      string `json:"user,omitempty" doc:"Goes with the token, where the host asks for a certain one" maxLength:"200"`
	DeployKey string `json:"deploy_key,omitempty" doc:"Private key in PEM that opens a private repository over ssh" maxLength:"20000"`
	MakeKey   bool   `json:"make_key,omitempty" doc:"Make a deploy key: the answer has the public half, to be entered at the host"`
	// Provider is for hosts of one's own that no webhook is from: it says how to report to them.
	Provider    string   `json:"provider,omitempty" doc:"Who keeps it: github, gitlab, bitbucket, bitbucket-server, azure or gitea; told by a host that everybody knows, or by a webhook, when empty" maxLength:"50"`
	Watch       []string `json:"watch,omitempty" nullable:"false" doc:"Patterns, as in .gitignore, of the files whose changes are deployed; all when empty" maxItems:"100"`
	LFS         bool     `json:"lfs,omitempty" doc:"Fetch the contents of Git LFS files"`
	PollSeconds int      `json:"poll_seconds,omitempty" doc:"Ask the branch for new commits that often, where no webhook can reach this server; 0: never" minimum:"0" maximum:"86400"`
}

// Connected is the answer to NewRepository.
type Connected struct {
	platform.Repository
	Commit    string `json:"commit,omitempty" doc:"What the branch is at; absent with a key that was just made"`
	PublicKey string `json:"public_key,omitempty" doc:"Of the key that was made, as authorized_keys has it"`
}

// NewWebhook asks for a webhook.
type NewWebhook struct {
	Provider            string   `json:"provider" doc:"github, gitlab, bitbucket, bitbucket-server, azure, gitea or generic" minLength:"1" maxLength:"50"`
	Branch              string   `json:"branch,omitempty" doc:"What is deployed; when empty the branch that the service is connected to, else the default branch of the repository" maxLength:"250"`
	Tags                string   `json:"tags,omitempty" doc:"Pattern of tags that are deployed too, for example v*" maxLength:"250"`
	Previews            bool     `json:"previews,omitempty" doc:"Deploy pull requests, each to an environment of its own"`
	KeepPreviewsSeconds int64    `json:"keep_previews_seconds,omitempty" doc:"How long a preview stays without a commit; 0: as the server is configured" minimum:"0" maximum:"31536000"`
	Watch               []string `json:"watch,omitempty" nullable:"false" doc:"Patterns, as in .gitignore, of the files whose changes are deployed; all when empty" maxItems:"100"`
}

// MadeWebhook is a webhook with what has to be entered at the provider. The secret is not shown again.
type MadeWebhook struct {
	platform.Webhook
	URL    string   `json:"url"`
	Secret string   `json:"secret"`
	Setup  []string `json:"setup" doc:"What to enter where, a line each"`
}

// WantedContents are the contents of files that a client is about to deploy.
type WantedContents struct {
	Contents []string `json:"contents" maxItems:"5000" doc:"SHA-256 of each, in lower-case hexadecimal digits"`
}

// MissingContent is a content that the server does not have, or not wholly.
type MissingContent struct {
	SHA256   string `json:"sha256"`
	Received int64  `json:"received" doc:"Bytes that are there already"`
}

// KeptContents says what a server has taken over.
type KeptContents struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}
