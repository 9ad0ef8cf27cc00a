package forge

import (
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"csph/platform"
)

const (
	longestHubText = 140 // of the description of a status
	hubPage        = 100 // comments or deployments
)

// github is the dialect of GitHub and of GitHub Enterprise Server (https://docs.github.com/en/rest).
func github() dialect {
	states := wording{"pending", "success", "failure"}
	return dialect{
		locate: func(u *url.URL, segments []string) (base, name string) {
			_, name = ownerAndName(segments)
			if u.Hostname() == "github.com" {
				return "https://api.github.com", name
			}
			return own(u, "api/v3"), name
		},
		sign:    bearer,
		headers: map[string]string{"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
		status: func(s site, r platform.Report) call {
			return call{method: http.MethodPost, path: "repos/" + s.name + "/statuses/" + r.Commit, body: hubStatus(states, r)}
		},
		comment: func(s site, r platform.Report) call { return hubComment("repos/", s, r) },
		comments: func(s site, r platform.Report, page int) listing {
			l := hubComments(s, r)
			l.full = hubPage
			l.path += "?" + url.Values{"per_page": {strconv.Itoa(hubPage)}, "page": {strconv.Itoa(page)}}.Encode()
			return l
		},
		deployments: func(s site, r platform.Report) listing {
			query := url.Values{"environment": {r.Environment}, "per_page": {strconv.Itoa(hubPage)}}
			if r.Commit != "" {
				query.Set("sha", r.Commit)
			}
			return listing{path: "repos/" + s.name + "/deployments?" + query.Encode(), id: []string{"id"}, mark: []string{"payload", "csph"}}
		},
		deployment: func(s site, r platform.Report) call {
			return call{method: http.MethodPost, path: "repos/" + s.name + "/deployments", handle: []string{"id"}, body: map[string]any{
				"ref": r.Commit, "environment": r.Environment, "description": cut(r.Text, longestHubText), "auto_merge": false, "required_contexts": []string{},
				"payload": map[string]any{"csph": marker(r)}, "transient_environment": r.Pull != 0, "production_environment": strings.HasPrefix(r.Environment, platform.DefaultEnvironment+"/"),
			}}
		},
		outcome: func(s site, r platform.Report) call {
			body := map[string]any{"state": wording{"in_progress", "success", "failure"}.of(r.State), "description": cut(r.Text, longestHubText)}
			if r.State == platform.ReportInactive {
				body["state"] = "inactive"
			}
			if r.URL != "" {
				body["environment_url"], body["log_url"] = r.URL, r.URL
			}
			return call{method: http.MethodPost, path: "repos/" + s.name + "/deployments/" + url.PathEscape(r.Handle) + "/statuses", body: body}
		},
	}
}

// gitea is the dialect of Gitea and Forgejo (https://docs.gitea.com/api), which follows GitHub's.
func gitea() dialect {
	states := wording{"pending", "success", "failure"}
	return dialect{
		locate: func(u *url.URL, segments []string) (base, name string) {
			folder, name := ownerAndName(segments)
			return own(u, path.Join(folder, "api/v1")), name
		},
		sign: bearer,
		status: func(s site, r platform.Report) call {
			return call{method: http.MethodPost, path: "repos/" + s.name + "/statuses/" + r.Commit, body: hubStatus(states, r)}
		},
		comment:  func(s site, r platform.Report) call { return hubComment("repos/", s, r) },
		comments: func(s site, r platform.Report, _ int) listing { return hubComments(s, r) },
	}
}

// hubComments are the comments on the issue that every pull request is, the oldest first; Gitea has them all on one page.
func hubComments(s site, r platform.Report) listing {
	return listing{path: "repos/" + s.name + "/issues/" + strconv.Itoa(r.Pull) + "/comments", id: []string{"id"}, mark: []string{"body"}}
}

func hubStatus(states wording, r platform.Report) map[string]any {
	body := map[string]any{"state": states.of(r.State), "context": r.Label, "description": cut(r.Text, longestHubText)}
	if r.URL != "" {
		body["target_url"] = r.URL
	}
	return body
}

// hubComment comments on the issue that every pull request is.
func hubComment(under string, s site, r platform.Report) call {
	body := map[string]any{"body": r.Text}
	if r.Handle != "" {
		return call{method: http.MethodPatch, path: under + s.name + "/issues/comments/" + url.PathEscape(r.Handle), body: body}
	}
	return call{method: http.MethodPost, path: under + s.name + "/issues/" + strconv.Itoa(r.Pull) + "/comments", body: body, handle: []string{"id"}}
}
