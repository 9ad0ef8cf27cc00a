package forge

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"csph/platform"
)

const longestKey = 40 // of a status's key at Bitbucket Cloud

// bitbucket is the dialect of Bitbucket Cloud (https://developer.atlassian.com/cloud/bitbucket/rest).
func bitbucket() dialect {
	states := wording{"INPROGRESS", "SUCCESSFUL", "FAILED"}
	return dialect{
		locate: func(u *url.URL, segments []string) (base, name string) {
			_, name = ownerAndName(segments)
			if u.Hostname() == "bitbucket.org" {
				return "https://api.bitbucket.org/2.0", name
			}
			return own(u, "2.0"), name
		},
		sign: basicOrBearer,
		status: func(s site, r platform.Report) call {
			return call{method: http.MethodPost, path: "repositories/" + s.name + "/commit/" + r.Commit + "/statuses/build", body: map[string]any{
				"state": states.of(r.State), "key": cut(r.Label, longestKey), "name": r.Label, "description": r.Text, "url": reached(s, r),
			}}
		},
		comment: func(s site, r platform.Report) call {
			comments := "repositories/" + s.name + "/pullrequests/" + strconv.Itoa(r.Pull) + "/comments"
			body := map[string]any{"content": map[string]any{"raw": r.Text}}
			if r.Handle != "" {
				return call{method: http.MethodPut, path: comments + "/" + url.PathEscape(r.Handle), body: body}
			}
			return call{method: http.MethodPost, path: comments, body: body, handle: []string{"id"}}
		},
		comments: func(s site, r platform.Report, _ int) listing {
			return listing{
				path: "repositories/" + s.name + "/pullrequests/" + strconv.Itoa(r.Pull) + "/comments?sort=-created_on&pagelen=100",
				list: []string{"values"}, id: []string{"id"}, mark: []string{"content", "raw"},
			}
		},
	}
}

// reached is the URL of a status, which Bitbucket does not do without: of a worker the host's own.
func reached(s site, r platform.Report) string {
	if r.URL != "" {
		return r.URL
	}
	return s.api.Scheme + "://" + s.api.Host + "/"
}

// bitbucketServer is the dialect of Bitbucket Data Center
// (https://developer.atlassian.com/server/bitbucket/rest). Its repositories are at /scm/PROJECT/NAME.git.
func bitbucketServer() dialect {
	states := wording{"INPROGRESS", "SUCCESSFUL", "FAILED"}
	return dialect{
		locate: func(u *url.URL, segments []string) (base, name string) {
			if len(segments) < 2 {
				return "", ""
			}
			project, repository := segments[len(segments)-2], segments[len(segments)-1]
			folder := strings.Trim(strings.TrimSuffix(strings.Join(segments[:len(segments)-2], "/"), "scm"), "/")
			return own(u, folder), "projects/" + url.PathEscape(project) + "/repos/" + url.PathEscape(repository)
		},
		sign:    basicOrBearer,
		headers: map[string]string{"X-Atlassian-Token": "no-check"},
		status: func(s site, r platform.Report) call {
			return call{method: http.MethodPost, path: "rest/build-status/1.0/commits/" + r.Commit, body: map[string]any{
				"state": states.of(r.State), "key": r.Label, "name": r.Label, "description": cut(r.Text, longestGitLabText), "url": reached(s, r),
			}}
		},
		comment: func(s site, r platform.Report) call {
			comments := serverComments(s, r)
			if r.Handle != "" {
				return call{method: http.MethodPut, path: comments + "/" + url.PathEscape(r.Handle), body: map[string]any{"text": r.Text}}
			}
			return call{method: http.MethodPost, path: comments, body: map[string]any{"text": r.Text}, handle: []string{"id"}}
		},
		comments: func(s site, r platform.Report, _ int) listing {
			return listing{
				path: "rest/api/1.0/" + s.name + "/pull-requests/" + strconv.Itoa(r.Pull) + "/activities?limit=100",
				list: []string{"values"}, id: []string{"comment", "id"}, mark: []string{"comment", "text"},
			}
		},
		version: func(s site, r platform.Report) call {
			return call{method: http.MethodGet, path: serverComments(s, r) + "/" + url.PathEscape(r.Handle), handle: []string{"version"}}
		},
	}
}

func serverComments(s site, r platform.Report) string {
	return "rest/api/1.0/" + s.name + "/pull-requests/" + strconv.Itoa(r.Pull) + "/comments"
}
