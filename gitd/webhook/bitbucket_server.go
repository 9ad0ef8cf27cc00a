package webhook

import (
	"encoding/json"
	"net/http"
)

// bitbucketServer is the dialect of Bitbucket Data Center
// (https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html).
func bitbucketServer() dialect {
	return dialect{
		genuine:  signed("X-Hub-Signature", "sha256="),
		delivery: named("X-Request-Id"),
		read:     readBitbucketServer,
		setup: func(url, secret string) []string {
			return []string{
				"On Bitbucket Data Center: the repository's Repository settings, Webhooks, Create webhook",
				"URL:     " + url,
				"Secret:  " + secret,
				"Events:  Repository: Push, and Pull request: Opened, Source branch updated, Merged, Declined, Deleted for previews",
			}
		},
	}
}

type serverPayload struct {
	Changes []struct {
		RefID  string `json:"refId"`
		ToHash string `json:"toHash"`
		Type   string `json:"type"` // ADD, UPDATE, DELETE
	} `json:"changes"`
	ToCommit struct { // of a push of one reference, from version 8 on
		ID      string `json:"id"`
		Message string `json:"message"`
	} `json:"toCommit"`
	Repository serverRepository `json:"repository"`
	Actor      struct {
		Name string `json:"name"`
	} `json:"actor"`
	PullRequest struct {
		ID      int    `json:"id"`
		Title   string `json:"title"`
		FromRef struct {
			Branch     string           `json:"displayId"`
			Commit     string           `json:"latestCommit"`
			Repository serverRepository `json:"repository"`
		} `json:"fromRef"`
	} `json:"pullRequest"`
}

type serverRepository struct {
	Slug    string `json:"slug"`
	Project struct {
		Key string `json:"key"`
	} `json:"project"`
}

func (r serverRepository) name() string {
	if r.Slug == "" {
		return ""
	}
	return r.Project.Key + "/" + r.Slug
}

func readBitbucketServer(h http.Header, body []byte) (Event, error) {
	key := h.Get("X-Event-Key")
	if key == "diagnostics:ping" {
		return Event{Ping: true}, nil
	}
	var p serverPayload
	if err := json.Unmarshal(body, &p); err != nil {
		return Event{}, err
	}
	e := Event{Repository: p.Repository.name(), Sender: p.Actor.Name}
	if key == "repo:refs_changed" {
		e.Changes = p.changes()
		return e, nil
	}
	if e.Pull = p.pull(key); e.Pull != nil && e.Repository == "" {
		e.Repository = e.Pull.Source
	}
	return e, nil
}

func (p serverPayload) changes() []Change {
	var all []Change
	for _, c := range p.Changes {
		change := Change{Ref: c.RefID, Commit: commitOr(c.ToHash)}
		if c.Type == "DELETE" {
			change.Commit = ""
		}
		if change.Commit != "" && change.Commit == p.ToCommit.ID {
			change.Message = p.ToCommit.Message
		}
		all = append(all, change)
	}
	return all
}

func (p serverPayload) pull(key string) *Pull {
	states := map[string]PullState{
		"pr:opened": PullOpened, "pr:reopened": PullOpened, "pr:from_ref_updated": PullUpdated,
		"pr:merged": PullClosed, "pr:declined": PullClosed, "pr:deleted": PullClosed,
	}
	state, ok := states[key]
	if !ok {
		return nil
	}
	from := p.PullRequest.FromRef
	return &Pull{
		Number: p.PullRequest.ID, State: state, Title: p.PullRequest.Title,
		Branch: from.Branch, Commit: from.Commit, Source: from.Repository.name(),
	}
}
