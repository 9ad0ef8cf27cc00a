package forge

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"csph/gitd/remote"
	"csph/platform"
)

const azureVersion = "?api-version=7.1"

// azure is the dialect of Azure DevOps (https://learn.microsoft.com/en-us/rest/api/azure/devops/git). Its
// repositories are at ORGANISATION/PROJECT/_git/NAME, or PROJECT/_git/NAME of a host of the organisation's own.
func azure() dialect {
	states := wording{"pending", "succeeded", "failed"}
	return dialect{
		locate: func(u *url.URL, segments []string) (base, name string) {
			at := slices.Index(segments, "_git")
			if at < 0 || at != len(segments)-2 {
				return "", ""
			}
			for i, s := range segments {
				segments[i] = url.PathEscape(s)
			}
			before := segments[:at]
			if len(before) == 0 || len(before) == 1 && !strings.HasSuffix(u.Hostname(), ".visualstudio.com") {
				before = append(slices.Clone(before), segments[at+1]) // the project is named like the repository
			}
			return own(u, strings.Join(append(slices.Clone(before), "_apis/git"), "/")), "repositories/" + segments[at+1]
		},
		// The name beside a personal access token may be any, or none.
		sign: func(r *http.Request, c remote.Credential) { r.SetBasicAuth(c.User, c.Token) },
		status: func(s site, r platform.Report) call {
			body := map[string]any{
				"state": states.of(r.State), "description": r.Text, "context": map[string]any{"name": strings.TrimPrefix(r.Label, "csph/"), "genre": "csph"},
			}
			if r.URL != "" {
				body["targetUrl"] = r.URL
			}
			return call{method: http.MethodPost, path: s.name + "/commits/" + r.Commit + "/statuses" + azureVersion, body: body}
		},
		comment: func(s site, r platform.Report) call {
			threads := s.name + "/pullRequests/" + strconv.Itoa(r.Pull) + "/threads"
			if r.Handle != "" {
				return call{method: http.MethodPatch, path: threads + "/" + url.PathEscape(r.Handle) + "/comments/1" + azureVersion, body: map[string]any{"content": r.Text}}
			}
			return call{method: http.MethodPost, path: threads + azureVersion, handle: []string{"id"}, body: map[string]any{
				"comments": []any{map[string]any{"parentCommentId": 0, "content": r.Text, "commentType": 1}}, "status": "closed",
			}}
		},
		comments: func(s site, r platform.Report, _ int) listing {
			return listing{
				path: s.name + "/pullRequests/" + strconv.Itoa(r.Pull) + "/threads" + azureVersion,
				list: []string{"value"}, id: []string{"id"}, mark: []string{"comments", "0", "content"},
			}
		},
	}
}
