package forge

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"csph/platform"
)

const longestGitLabText = 255

// gitlab is the dialect of GitLab (https://docs.gitlab.com/api). Projects are named by their whole path, groups
// within groups included; an installation below a folder of its host cannot be told from a group.
func gitlab() dialect {
	states := wording{"pending", "success", "failed"}
	return dialect{
		locate: func(u *url.URL, segments []string) (base, name string) {
			if len(segments) < 2 {
				return "", ""
			}
			return own(u, "api/v4"), url.PathEscape(strings.Join(segments, "/"))
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
		// It refuses to set the state that a status has.
		told: func(status int, body []byte) bool {
			return status == http.StatusBadRequest && bytes.Contains(body, []byte("Cannot transition status"))
		},
	}
}
