package forge

import (
	"net/http"
	"net/url"

	"csph/gitd/remote"
	"csph/gitd/webhook"
	"csph/platform"
)

// call is one request to an API.
type call struct {
	method string
	path   string // below the base, with its query
	body   any
	// handle is where in the answer the name is by which the thing is changed afterwards; nil for none.
	handle []string
}

// dialect is how one provider is told things.
type dialect struct {
	// locate finds the base of the API and the repository's name in it from the repository's address.
	locate func(u *url.URL, segments []string) (base, name string)
	sign   func(r *http.Request, c remote.Credential)
	status func(s site, r platform.Report) call
	// comment makes a comment on a pull request, or changes the one that r.Handle names.
	comment func(s site, r platform.Report) call
	// comments lists the comments on the pull request, the newest first where the provider does that; page counts from 1.
	comments func(s site, r platform.Report, page int) listing
	// version, where comments are changed by version, asks for the present one; it is put into the body of the change.
	version func(s site, r platform.Report) call
	// deployment, where there is a list of deployments, makes one, and outcome tells what has become of it.
	deployment func(s site, r platform.Report) call
	outcome    func(s site, r platform.Report) call
	// deployments lists those of the report's environment, and of its commit where it has one, the newest first.
	deployments func(s site, r platform.Report) listing
	// below, where a provider's installations may be below a folder that cannot be told from a group, lists the places that
	// the repository may have besides that of locate.
	below func(u *url.URL, segments []string) []place
	// self, where there is below, asks a repository for its own name.
	self    func(s site) call
	headers map[string]string
	// told are the statuses of an answer that says: this is known already.
	told func(status int, body []byte) bool
}

func dialects() map[Provider]dialect {
	return map[Provider]dialect{
		webhook.GitHub: github(), webhook.GitLab: gitlab(), webhook.Bitbucket: bitbucket(),
		webhook.BitbucketServer: bitbucketServer(), webhook.Gitea: gitea(), webhook.AzureDevOps: azure(),
	}
}

// Kinds lists in which ways a provider can be told of a deployment, besides comments.
func Kinds(p Provider) []platform.ReportKind {
	d, ok := dialects()[p]
	switch {
	case !ok:
		return nil
	case d.deployment != nil:
		return []platform.ReportKind{platform.ReportStatus, platform.ReportDeployment}
	}
	return []platform.ReportKind{platform.ReportStatus}
}

// wording is how a provider calls the states.
type wording struct{ pending, success, failure string }

func (w wording) of(s platform.ReportState) string {
	switch s {
	case platform.ReportPending:
		return w.pending
	case platform.ReportSuccess:
		return w.success
	}
	return w.failure
}

// cut shortens a text to what a provider takes, in characters.
func cut(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}
