package builder

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"csph/platform"
)

// statement is the part of an in-toto statement with SLSA provenance that tests look at.
type statement struct {
	Subject []struct {
		Digest map[string]string `json:"digest"`
	} `json:"subject"`
	PredicateType string `json:"predicateType"`
	Predicate     struct {
		BuildDefinition struct {
			ResolvedDependencies []struct {
				URI string `json:"uri"`
			} `json:"resolvedDependencies"`
		} `json:"buildDefinition"`
		RunDetails struct {
			Builder struct{ ID string } `json:"builder"`
		} `json:"runDetails"`
	} `json:"predicate"`
}

func TestEachImageHasAnAccountOfHowItWasMadeThatTellsNoSecret(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(5 * time.Minute)
	dir := source(t, map[string]string{"Dockerfile": "FROM debian:bookworm-slim\nARG PUBLIC_URL\nRUN --mount=type=secret,id=TOKEN true\nCOPY . /app\n", "f": "x"})
	for _, r := range []Request{
		{Deployment: "dep_prov1", Plan: shellPlan("true")},
		{Deployment: "dep_prov2", Plan: dockerfilePlan()},
	} {
		r.Service, r.Dir = "svc_"+r.Deployment, dir
		r.Secrets, r.Env = map[string]string{"TOKEN": "hunter2-of-the-service"}, map[string]string{"PUBLIC_URL": "https://public.example.com"}
		image, err := l.Build(ctx, r)
		if err != nil {
			t.Fatalf("%v\n%s", err, l.logText(r.Deployment))
		}
		raw, err := l.Provenance(ctx, image)
		must(t, err)
		var s statement
		must(t, json.Unmarshal(raw, &s))
		madeOf := s.Predicate.BuildDefinition.ResolvedDependencies
		if len(s.Subject) != 1 || "sha256:"+s.Subject[0].Digest["sha256"] != image.Digest || s.PredicateType != slsa {
			t.Errorf("%s: it is about %+v, with a predicate %s", r.Deployment, s.Subject, s.PredicateType)
		}
		if s.Predicate.RunDetails.Builder.ID != "csph" || len(madeOf) != 1 || !strings.Contains(madeOf[0].URI, "debian@bookworm-slim") {
			t.Errorf("%s: it says\n%s", r.Deployment, raw)
		}
		for _, hidden := range []string{"hunter2", "TOKEN", "public.example.com", l.host.Dir, "/csph-", dir, "GOPROXY", "csph.env"} {
			if strings.Contains(string(raw), hidden) {
				t.Errorf("%s: %q is in\n%s", r.Deployment, hidden, raw)
			}
		}
		must(t, l.Forget(ctx, image))
		if _, err := l.Provenance(ctx, image); !errors.Is(err, platform.ErrNotFound) {
			t.Errorf("%s: of an image that is gone: %v", r.Deployment, err)
		}
	}
}
