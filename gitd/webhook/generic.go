package webhook

import (
	"encoding/json"
	"net/http"
	"strings"
)

// generic is csph's own form, for git servers and scripts that have none: a JSON object with ref and commit, and where they
// are known message, sender, repository and the paths that were touched, signed like GitHub's.
func generic() dialect {
	return dialect{
		genuine:  signed("X-Csph-Signature-256", "sha256="),
		delivery: named("X-Csph-Delivery"),
		read:     readGeneric,
		setup: func(url, secret string) []string {
			return []string{
				"From any script or git hook (post-receive), with curl and openssl:",
				"SECRET='" + secret + "'",
				`BODY='{"ref": "refs/heads/main", "commit": "'$(git rev-parse main)'"}'`,
				`SIGNATURE=$(printf %s "$BODY" | openssl dgst -sha256 -hmac "$SECRET" | sed 's/.* //')`,
				`curl -fsS -d "$BODY" -H 'Content-Type: application/json' -H "X-Csph-Signature-256: sha256=$SIGNATURE" ` + url,
			}
		},
	}
}

type genericPayload struct {
	Ref        string   `json:"ref"`
	Commit     string   `json:"commit"` // missing, or zeros: the reference was deleted
	Message    string   `json:"message"`
	Sender     string   `json:"sender"`
	Repository string   `json:"repository"`
	Paths      []string `json:"paths"`
	Ping       bool     `json:"ping"`
}

func readGeneric(_ http.Header, body []byte) (Event, error) {
	var p genericPayload
	if err := json.Unmarshal(body, &p); err != nil {
		return Event{}, err
	}
	e := Event{Ping: p.Ping, Repository: p.Repository, Sender: p.Sender}
	if p.Ref != "" {
		e.Changes = []Change{{Ref: p.Ref, Commit: commitOr(strings.ToLower(p.Commit)), Message: p.Message, Paths: p.Paths, Whole: len(p.Paths) > 0}}
	}
	return e, nil
}
