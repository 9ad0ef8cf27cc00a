package webhook

import (
	"encoding/json"
	"net/http"
	"strings"
)

// azureUser is the name that Azure DevOps signs in with; the password is the webhook's secret.
const azureUser = "csph"

// azure is the dialect of Azure DevOps
// (https://learn.microsoft.com/en-us/azure/devops/service-hooks/events). It signs nothing: basic authentication
// is all that there is, so that a webhook of it is worth no more than its TLS.
func azure() dialect {
	return dialect{
		genuine: func(h http.Header, _ []byte, secret string) bool {
			user, password, ok := (&http.Request{Header: h}).BasicAuth()
			return same(user, azureUser) && same(password, secret) && ok
		},
		delivery: azureDelivery,
		read:     readAzure,
		setup: func(url, secret string) []string {
			return []string{
				"On Azure DevOps: Project settings, Service hooks, Create subscription, Web Hooks, Code pushed",
				"Filters:              choose the repository; leave the branch at Any",
				"URL:                  " + url,
				"Basic auth. user:     " + azureUser,
				"Basic auth. password: " + secret,
				"Then test it. For previews make two more: Pull request created and Pull request updated.",
			}
		},
	}
}

type azurePayload struct {
	ID       string `json:"id"`
	Type     string `json:"eventType"`
	Resource struct {
		RefUpdates []struct {
			Name string `json:"name"`
			New  string `json:"newObjectId"`
		} `json:"refUpdates"`
		Commits []struct {
			ID      string `json:"commitId"`
			Comment string `json:"comment"`
		} `json:"commits"`
		Repository azureRepository `json:"repository"`
		PushedBy   struct {
			Name string `json:"displayName"`
		} `json:"pushedBy"`

		PullRequest int    `json:"pullRequestId"`
		Status      string `json:"status"`
		Title       string `json:"title"`
		Source      string `json:"sourceRefName"`
		LastCommit  struct {
			ID string `json:"commitId"`
		} `json:"lastMergeSourceCommit"`
		Fork *struct {
			Repository azureRepository `json:"repository"`
		} `json:"forkSource"`
	} `json:"resource"`
}

type azureRepository struct {
	Name    string `json:"name"`
	Default string `json:"defaultBranch"` // refs/heads/main
	Project struct {
		Name string `json:"name"`
	} `json:"project"`
}

func (r azureRepository) name() string { return r.Project.Name + "/" + r.Name }

// azureDelivery is the event's id; it is in the body, which is genuine by then.
func azureDelivery(_ http.Header, body []byte) string {
	var p struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(body, &p) != nil {
		return ""
	}
	return p.ID
}

func readAzure(_ http.Header, body []byte) (Event, error) {
	var p azurePayload
	if err := json.Unmarshal(body, &p); err != nil {
		return Event{}, err
	}
	from := p.Resource.Repository
	e := Event{Repository: from.name(), Default: strings.TrimPrefix(from.Default, heads), Sender: p.Resource.PushedBy.Name}
	switch {
	case p.Type == "git.push":
		e.Changes = p.changes()
	case strings.HasPrefix(p.Type, "git.pullrequest."):
		e.Pull = p.pull()
	}
	return e, nil
}

func (p azurePayload) changes() []Change {
	messages := map[string]string{}
	for _, c := range p.Resource.Commits {
		messages[c.ID] = c.Comment
	}
	var all []Change
	for _, u := range p.Resource.RefUpdates {
		all = append(all, Change{Ref: u.Name, Commit: commitOr(u.New), Message: messages[u.New]})
	}
	return all
}

func (p azurePayload) pull() *Pull {
	r := p.Resource
	pull := &Pull{
		Number: r.PullRequest, Title: r.Title, State: PullUpdated, Commit: r.LastCommit.ID,
		Branch: strings.TrimPrefix(r.Source, heads), Source: r.Repository.name(),
	}
	if r.Fork != nil {
		pull.Source = r.Fork.Repository.name()
	}
	switch {
	case r.Status == "completed" || r.Status == "abandoned":
		pull.State = PullClosed
	case p.Type == "git.pullrequest.created":
		pull.State = PullOpened
	}
	return pull
}
