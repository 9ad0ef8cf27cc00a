package api_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"strings"
	"testing"

	"csph/api/client"
	"csph/api/wire"
	"csph/platform"
)

// writing is what a write of the API is asked for, where the smallest request that the document allows is not enough.
type writing struct {
	body map[string]any
	raw  func(t *testing.T) (io.Reader, string) // instead of JSON, with its type
	// names are what parameters of the path stand for, where they are not the household's usual ones.
	names map[string]string
	// invited says that an invitation is the token.
	invited bool
	// also is done at the server before it is armed.
	also func(t *testing.T, c *client.Client, names map[string]string)
}

const killedContent = "what is in a file"

func contentName() string {
	sum := sha256.Sum256([]byte(killedContent))
	return hex.EncodeToString(sum[:])
}

// writings are all writes of the API.
func writings() map[string]writing {
	type m = map[string]any
	command := []string{"echo"}
	return map[string]writing{
		"accept-invitation":  {invited: true},
		"add-domain":         {body: m{"name": "www.example.com", "service": "hidden-web"}},
		"add-key":            {body: m{"public": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGRl3Xzl0pLwBDFYbS8Sfyc5S0cHyRbXEcXEBJSJoqKt you@laptop"}},
		"add-schedule":       {body: m{"cron": "@hourly", "command": command}},
		"cancel-deployment":  {also: slowDeployment},
		"change-environment": {body: m{"set_env": m{"A": "b"}}},
		"change-member":      {body: m{"role": "admin"}},
		"clear-cache":        {},
		"configure-domain":   {body: m{"hsts_max_age": 60}},
		"configure-service":  {body: m{"count": 2, "set_env": m{"A": "b"}}},
		"connect-repository": {body: m{"url": "https://example.com/c/d", "token": "right"}},
		"create-account":     {body: m{"name": "another"}},
		"create-deployment":  {body: m{"image": "nginx:2"}},
		"create-environment": {body: m{"name": "staging"}},
		"create-project":     {body: m{"name": "shop"}},
		"create-service":     {body: m{"name": "api", "set_env": m{"A": "b"}}},
		"create-token":       {body: m{"name": "ci"}},
		"create-webhook":     {body: m{"provider": "github"}},
		"delete-environment": {names: map[string]string{"{environment}": "empty"}},
		"delete-project":     {names: map[string]string{"{project}": "other"}},
		"delete-service":     {}, "delete-webhook": {}, "disconnect-repository": {},
		"exec":                  {body: m{"command": command}},
		"find-missing-contents": {body: m{"contents": []string{contentName()}}},
		"invite-member":         {body: m{"name": "bob"}},
		"redeploy":              {}, "remove-domain": {}, "remove-key": {},
		"remove-member":   {names: map[string]string{"{member}": "m"}},
		"remove-registry": {}, "remove-schedule": {}, "restart-service": {},
		"resume-service": {also: func(t *testing.T, c *client.Client, names map[string]string) {
			if _, err := c.Suspend(t.Context(), names["{service}"]); err != nil {
				t.Fatal(err)
			}
		}},
		"revoke-token": {}, "rollback": {}, "rotate-webhook": {},
		"run-once":        {body: m{"command": command}},
		"run-schedule":    {},
		"send-content":    {raw: content, names: map[string]string{"{content}": contentName() + fmt.Sprintf("?size=%d", len(killedContent))}},
		"send-contents":   {raw: contentArchive},
		"set-quota":       {body: m{"spherelets": 9}},
		"set-registry":    {body: m{"host": "other.example.com", "username": "me", "password": "right"}},
		"set-secrets":     {body: m{"values": m{"ONE": "1", "TWO": "2"}}},
		"suspend-service": {}, "unset-secret": {},
		"upload-source": {raw: uploadForm},
		"verify-domain": {}, "withdraw-invitation": {},
		"attach-volume":   {also: spareVolume, body: m{"service": "hidden-web", "path": "/spare"}},
		"create-snapshot": {body: m{"note": "nightly"}}, "delete-snapshot": {}, "restore-snapshot": {body: m{}},
		"create-volume": {body: m{"name": "more"}},
		"delete-volume": {also: spareVolume},
		"detach-volume": {body: m{"service": "hidden-web"}},
		"resize-volume": {body: m{"size_mb": 2}},
	}
}

func content(*testing.T) (io.Reader, string) {
	return strings.NewReader(killedContent), "application/octet-stream"
}

func contentArchive(t *testing.T) (io.Reader, string) {
	var b bytes.Buffer
	archive := tar.NewWriter(&b)
	if err := archive.WriteHeader(&tar.Header{Name: contentName(), Mode: 0o644, Size: int64(len(killedContent))}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(archive, killedContent); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return &b, "application/x-tar"
}

// slowDeployment makes a deployment and waits until it waits.
func slowDeployment(t *testing.T, c *client.Client, names map[string]string) {
	d, err := c.DeployImage(t.Context(), names["{service}"], wire.NewDeployment{Image: "slow:1"})
	if err != nil {
		t.Fatal(err)
	}
	names["{deployment}"] = d.ID
	for e, err := range c.Events(t.Context(), client.EventQuery{Deployment: d.ID, Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == platform.EventPullingImage {
			return // and writes nothing any more until it is canceled
		}
	}
}

func spareVolume(t *testing.T, c *client.Client, names map[string]string) {
	made, err := c.CreateVolume(t.Context(), wire.NewVolume{Name: "spare"})
	if err != nil {
		t.Fatal(err)
	}
	names["{volume}"] = made.Volume.ID
}

func uploadForm(t *testing.T) (io.Reader, string) {
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	if err := parts.WriteField("request", "{}"); err != nil {
		t.Fatal(err)
	}
	file, err := parts.CreateFormFile("source", "source.tar")
	if err == nil {
		err = packed(t, "index.html")(file)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := parts.Close(); err != nil {
		t.Fatal(err)
	}
	return &form, parts.FormDataContentType()
}
