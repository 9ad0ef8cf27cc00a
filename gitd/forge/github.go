package forge

import (
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"csph/platform"
)

const longestHubText = 140 // of the description of a status

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
		deployment: func(s site, r platform.Report) call {
			return call{method: http.MethodPost, path: "repos/" + s.name + "/deployments", handle: []string{"id"}, body: map[string]any{
				"ref": r.Commit, "environment": r.Environment, "description": cut(r.Text, longestHubText), "auto_merge": false, "required_contexts": []string{},
				"transient_environment": r.Pull != 0, "production_environment": strings.HasPrefix(r.Environment, platform.DefaultEnvironment+"/"),
			}}
		},
		outcome: func(s site, r platform.Report) call {
			body := map[string]any{"state": wording{"in_progress", "success", "failure"}.of(r.State), "description": cut(r.Text, longestHubText)}
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
		comment: func(s site, r platform.Report) call { return hubComment("repos/", s, r) },
	}
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
