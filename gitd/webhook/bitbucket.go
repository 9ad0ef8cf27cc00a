package webhook

import (
	"encoding/json"
	"net/http"
)

// bitbucket is the dialect of Bitbucket Cloud
// (https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/).
func bitbucket() dialect {
	return dialect{
		genuine:  signed("X-Hub-Signature", "sha256="),
		delivery: named("X-Request-UUID"),
		read:     readBitbucket,
		setup: func(url, secret string) []string {
			return []string{
				"On Bitbucket: the repository's Repository settings, Webhooks, Add webhook",
				"URL:       " + url,
				"Secret:    " + secret,
				"Triggers:  Repository push, and Pull request created, updated, merged, declined for previews",
			}
		},
	}
}

type bitbucketPayload struct {
	Push struct {
		Changes []struct {
			New *bitbucketRef `json:"new"`
			Old *bitbucketRef `json:"old"`
		} `json:"changes"`
	} `json:"push"`
	Repository hubName `json:"repository"`
	Actor      struct {
		Nickname string `json:"nickname"`
		Name     string `json:"display_name"`
	} `json:"actor"`
	PullRequest struct {
		ID     int    `json:"id"`
		Title  string `json:"title"`
		Source struct {
			Branch struct {
				Name string `json:"name"`
			} `json:"branch"`
			Commit struct {
				Hash string `json:"hash"`
			} `json:"commit"`
			Repository hubName `json:"repository"`
		} `json:"source"`
	} `json:"pullrequest"`
}

type bitbucketRef struct {
	Type   string `json:"type"` // branch, tag
	Name   string `json:"name"`
	Target struct {
		Hash    string `json:"hash"`
		Message string `json:"message"`
	} `json:"target"`
}

func (r bitbucketRef) full() string {
	if r.Type == "tag" {
		return tags + r.Name
	}
	return heads + r.Name
}

func readBitbucket(h http.Header, body []byte) (Event, error) {
	var p bitbucketPayload
	if err := json.Unmarshal(body, &p); err != nil {
		return Event{}, err
	}
	e := Event{Repository: p.Repository.FullName, Sender: p.Actor.Nickname}
	if e.Sender == "" {
		e.Sender = p.Actor.Name
	}
	switch key := h.Get("X-Event-Key"); key {
	case "repo:push":
		e.Changes = p.changes()
	default:
		e.Pull = p.pull(key)
	}
	return e, nil
}

func (p bitbucketPayload) changes() []Change {
	var all []Change
	for _, c := range p.Push.Changes {
		switch {
		case c.New != nil:
			all = append(all, Change{Ref: c.New.full(), Commit: c.New.Target.Hash, Message: c.New.Target.Message})
		case c.Old != nil:
			all = append(all, Change{Ref: c.Old.full()})
		}
	}
	return all
}

func (p bitbucketPayload) pull(key string) *Pull {
	states := map[string]PullState{
		"pullrequest:created": PullOpened, "pullrequest:updated": PullUpdated,
		"pullrequest:fulfilled": PullClosed, "pullrequest:rejected": PullClosed,
	}
	state, ok := states[key]
	if !ok {
		return nil
	}
	r := p.PullRequest
	return &Pull{
		Number: r.ID, State: state, Title: r.Title, Branch: r.Source.Branch.Name,
		Commit: r.Source.Commit.Hash, Source: r.Source.Repository.FullName,
	}
}
