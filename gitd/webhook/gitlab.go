package webhook

import (
	"cmp"
	"encoding/json"
	"net/http"
)

// gitlab is the dialect of GitLab (https://docs.gitlab.com/user/project/integrations/webhook_events/). It sends
// the secret itself, so that a webhook of GitLab is worth no more than its TLS.
func gitlab() dialect {
	return dialect{
		genuine: func(h http.Header, _ []byte, secret string) bool { return same(h.Get("X-Gitlab-Token"), secret) },
		// The first stays the same when a delivery is repeated; older servers have the second only.
		delivery: named("Idempotency-Key", "X-Gitlab-Event-UUID"),
		read:     readGitLab,
		setup: func(url, secret string) []string {
			return []string{
				"On GitLab: the project's Settings, Webhooks, Add new webhook",
				"URL:           " + url,
				"Secret token:  " + secret,
				"Trigger:       Push events, Tag push events, and Merge request events for previews",
				"SSL:           leave \"Enable SSL verification\" on",
			}
		},
	}
}

type gitlabPayload struct {
	Kind        string         `json:"object_kind"`
	Ref         string         `json:"ref"`
	After       string         `json:"after"`
	CheckoutSHA string         `json:"checkout_sha"`
	Before      string         `json:"before"`
	Commits     []gitlabCommit `json:"commits"`
	Total       int            `json:"total_commits_count"` // of which some are listed
	User        string         `json:"user_username"`       // of pushes
	Author      struct {       // of merge requests
		Username string `json:"username"`
	} `json:"user"`
	Project gitlabProject `json:"project"`

	Attributes struct {
		IID        int           `json:"iid"`
		Title      string        `json:"title"`
		Action     string        `json:"action"`
		OldRev     string        `json:"oldrev"` // with update: the branch has moved
		Branch     string        `json:"source_branch"`
		LastCommit gitlabCommit  `json:"last_commit"`
		Source     gitlabProject `json:"source"`
	} `json:"object_attributes"`
}

type gitlabProject struct {
	Path    string `json:"path_with_namespace"`
	Default string `json:"default_branch"`
}

type gitlabCommit struct {
	ID      string `json:"id"`
	Message string `json:"message"`
	touched
}

func readGitLab(_ http.Header, body []byte) (Event, error) {
	var p gitlabPayload
	if err := json.Unmarshal(body, &p); err != nil {
		return Event{}, err
	}
	e := Event{Repository: p.Project.Path, Default: p.Project.Default, Sender: cmp.Or(p.User, p.Author.Username)}
	switch p.Kind {
	case "push", "tag_push":
		e.Changes = []Change{p.change()}
	case "merge_request":
		e.Pull = p.pull()
	}
	return e, nil
}

// change takes the commit from checkout_sha: after names the tag object where a tag is annotated.
func (p gitlabPayload) change() Change {
	c := Change{Ref: p.Ref, Commit: commitOr(p.After)}
	if c.Deleted() {
		return c
	}
	if sha := commitOr(p.CheckoutSHA); sha != "" {
		c.Commit = sha
	}
	for _, commit := range p.Commits {
		if commit.ID == c.Commit {
			c.Message = commit.Message
		}
		c.Paths = append(c.Paths, commit.paths()...)
	}
	c.Whole = len(c.Paths) > 0 && commitOr(p.Before) != "" && p.Total == len(p.Commits)
	return c
}

func (p gitlabPayload) pull() *Pull {
	a := p.Attributes
	pull := &Pull{Number: a.IID, Title: a.Title, Branch: a.Branch, Commit: a.LastCommit.ID, Source: a.Source.Path}
	switch {
	case a.Action == "open", a.Action == "reopen":
		pull.State = PullOpened
	case a.Action == "update" && a.OldRev != "":
		pull.State = PullUpdated
	case a.Action == "close", a.Action == "merge":
		pull.State = PullClosed
	default:
		return nil
	}
	return pull
}
