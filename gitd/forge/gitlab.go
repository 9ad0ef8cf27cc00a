package forge

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"csph/platform"
)

const (
	longestGitLabText = 255
	deepestFolder     = 3 // that an installation is looked for below
)

// gitlab is the dialect of GitLab (https://docs.gitlab.com/api). Projects are named by their whole path, groups
// within groups included; an installation below a folder of its host cannot be told from a group by the address, and is asked.
func gitlab() dialect {
	states := wording{"pending", "success", "failed"}
	return dialect{
		locate: func(u *url.URL, segments []string) (base, name string) {
			if len(segments) < 2 {
				return "", ""
			}
			return own(u, "api/v4"), url.PathEscape(strings.Join(segments, "/"))
		},
		below: func(u *url.URL, segments []string) []place {
			if u.Hostname() == "gitlab.com" {
				return nil
			}
			var all []place
			for i := 1; i <= min(len(segments)-2, deepestFolder); i++ {
				all = append(all, place{own(u, strings.Join(segments[:i], "/")+"/api/v4"), url.PathEscape(strings.Join(segments[i:], "/"))})
			}
			return all
		},
		self: func(s site) call {
			return call{method: http.MethodGet, path: "projects/" + s.name, handle: []string{"path_with_namespace"}}
		},
		sign: bearer,
		status: func(s site, r platform.Report) call {
			body := map[string]any{"state": states.of(r.State), "name": r.Label, "description": cut(r.Text, longestGitLabText), "ref": r.Ref}
			if r.URL != "" {
				body["target_url"] = r.URL
			}
			return call{method: http.MethodPost, path: "projects/" + s.name + "/statuses/" + r.Commit, body: body}
		},
		comment: func(s site, r platform.Report) call {
			notes := "projects/" + s.name + "/merge_requests/" + strconv.Itoa(r.Pull) + "/notes"
			body := map[string]any{"body": r.Text}
			if r.Handle != "" {
				return call{method: http.MethodPut, path: notes + "/" + url.PathEscape(r.Handle), body: body}
			}
			return call{method: http.MethodPost, path: notes, body: body, handle: []string{"id"}}
		},
		comments: func(s site, r platform.Report, _ int) listing {
			return listing{
				path: "projects/" + s.name + "/merge_requests/" + strconv.Itoa(r.Pull) + "/notes?order_by=created_at&sort=desc&per_page=100",
				id:   []string{"id"}, mark: []string{"body"},
			}
		},
		// It refuses to set the state that a status has.
		told: func(status int, body []byte) bool {
			return status == http.StatusBadRequest && bytes.Contains(body, []byte("Cannot transition status"))
		},
	}
}
