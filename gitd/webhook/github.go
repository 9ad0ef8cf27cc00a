package webhook

import (
	"encoding/json"
	"net/http"
)

// github is the dialect of GitHub, and of GitHub Enterprise Server
// (https://docs.github.com/en/webhooks/webhook-events-and-payloads).
func github() dialect {
	return dialect{
		genuine:  signed("X-Hub-Signature-256", "sha256="),
		delivery: named("X-GitHub-Delivery"),
		read:     func(h http.Header, body []byte) (Event, error) { return readHub(h.Get("X-GitHub-Event"), body) },
		form:     true,
		setup: func(url, secret string) []string {
			return []string{
				"On GitHub: the repository's Settings, Webhooks, Add webhook",
				"Payload URL:   " + url,
				"Content type:  application/json",
				"Secret:        " + secret,
				"Events:        \"Let me select individual events\": Pushes, and Pull requests for previews",
			}
		},
	}
}

// gitea is the dialect of Gitea and Forgejo, whose payloads follow GitHub's
// (https://docs.gitea.com/usage/webhooks).
func gitea() dialect {
	return dialect{
		genuine:  signed("X-Gitea-Signature", ""),
		delivery: named("X-Gitea-Delivery"),
		read:     func(h http.Header, body []byte) (Event, error) { return readHub(h.Get("X-Gitea-Event"), body) },
		form:     true,
		setup: func(url, secret string) []string {
			return []string{
				"On Gitea: the repository's Settings, Webhooks, Add webhook, Gitea",
				"Target URL:         " + url,
				"POST content type:  application/json",
				"Secret:             " + secret,
				"Trigger on:         Push events, and Pull request events for previews",
			}
		},
	}
}

// hubPayload is what GitHub's and Gitea's payloads have in common.
type hubPayload struct {
	Ref        string     `json:"ref"`
	After      string     `json:"after"`
	Deleted    bool       `json:"deleted"`
	Created    bool       `json:"created"`
	Forced     bool       `json:"forced"`
	Commits    []touched  `json:"commits"`
	Total      int        `json:"total_commits"` // of Gitea, which lists some of them
	HeadCommit *hubCommit `json:"head_commit"`
	Repository hubName    `json:"repository"`
	Sender     struct {
		Login string `json:"login"`
	} `json:"sender"`

	Action      string `json:"action"`
	Number      int    `json:"number"`
	PullRequest struct {
		Title string `json:"title"`
		Head  struct {
			Ref  string  `json:"ref"`
			SHA  string  `json:"sha"`
			Repo hubName `json:"repo"`
		} `json:"head"`
	} `json:"pull_request"`
}

// mostCommits is how many commits of a push GitHub lists.
const mostCommits = 2048

type hubName struct {
	FullName string `json:"full_name"`
	Default  string `json:"default_branch"`
}

type hubCommit struct {
	ID      string `json:"id"`
	Message string `json:"message"`
}

func readHub(event string, body []byte) (Event, error) {
	var p hubPayload
	if err := json.Unmarshal(body, &p); err != nil {
		return Event{}, err
	}
	e := Event{Repository: p.Repository.FullName, Default: p.Repository.Default, Sender: p.Sender.Login}
	switch event {
	case "ping":
		e.Ping = true
	case "push":
		e.Changes = []Change{p.change()}
	case "pull_request", "pull_request_sync":
		e.Pull = p.pull()
	}
	return e, nil
}

func (p hubPayload) change() Change {
	c := Change{Ref: p.Ref, Commit: commitOr(p.After)}
	if p.Deleted {
		c.Commit = ""
	}
	if p.HeadCommit != nil && !c.Deleted() {
		// after names the tag object where a tag is annotated; the commit is what is deployed.
		c.Commit, c.Message = p.HeadCommit.ID, p.HeadCommit.Message
	}
	for _, one := range p.Commits {
		c.Paths = append(c.Paths, one.paths()...)
	}
	c.Whole = len(c.Paths) > 0 && !p.Created && !p.Forced && p.Total <= len(p.Commits) && len(p.Commits) < mostCommits
	return c
}

func (p hubPayload) pull() *Pull {
	states := map[string]PullState{
		"opened": PullOpened, "reopened": PullOpened, "synchronize": PullUpdated, "synchronized": PullUpdated, "closed": PullClosed,
	}
	state, ok := states[p.Action]
	if !ok {
		return nil
	}
	head := p.PullRequest.Head
	return &Pull{Number: p.Number, State: state, Title: p.PullRequest.Title, Branch: head.Ref, Commit: head.SHA, Source: head.Repo.FullName}
}
