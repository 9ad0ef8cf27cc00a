package api_test

import (
	"net/http"
	"testing"
)

func TestARestartAndAChangedSecretSayWhenAndAreNoChangeOfWhatWasRead(t *testing.T) {
	w := start(t)
	w.service(t, "web")
	w.live(t, "web")
	tag := func() string {
		answer, _ := w.request(t, http.MethodGet, "/v1/services/web", w.Token, nil)
		return answer.Header.Get("ETag")
	}
	read := tag()
	d, err := w.Restart(t.Context(), "web")
	if err != nil || d.Config.RestartedAt.IsZero() || tag() != read {
		t.Fatalf("%v, %v; the ETag was %s and is %s", d.Config.RestartedAt, err, read, tag())
	}
	w.Deployer.Settled(t, d.ID)
	out, err := w.SetSecrets(t.Context(), "web", map[string]string{"KEY": "correct-horse"})
	if err != nil || !out.Service.Config.RestartedAt.After(d.Config.RestartedAt) || tag() == read {
		t.Errorf("%v, %v", out.Service.Config.RestartedAt, err)
	}
}
