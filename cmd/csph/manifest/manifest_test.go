package manifest

import (
	"reflect"
	"strings"
	"testing"
)

func ref[T any](v T) *T { return &v }

func sample() File {
	return File{Projects: []Project{{Name: "shop", Environments: []Environment{
		{Name: "production", Env: map[string]string{"LEVEL": "info"}, Services: []Service{
			{Name: "web", Type: "web", Shape: "MAX", Count: 2, Port: ref(3000), Env: map[string]string{"A": "1"}, Secrets: []string{"KEY"}, Health: &Health{Path: "/up", Timeout: "1m0s"}, Domains: []string{"www.example.com"}},
			{Name: "api", Type: "web", Shape: "FLX", Autoscale: &Autoscale{Min: 2, Max: 4, CPU: 50}, Region: ref("local"), Image: "nginx:1"},
		}},
		{Name: "staging"},
	}}}}
}

func TestAFileIsReadBackAsItWasWritten(t *testing.T) {
	text, err := Encode(sample())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, sample()) {
		t.Errorf("%s\nis read as %+v", text, got)
	}
	if plan := Plan(got, sample(), true); len(plan) != 0 {
		t.Errorf("between equal files there is %+v to do", plan)
	}
}

func TestAWrongFileIsRefusedWithWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"projects:\n  - name: shop\n    colour: red\n":                                                           "colour",
		"projects:\n  - name: shop\n  - name: shop\n":                                                            "the project shop is there twice",
		"projects:\n  - environments: []\n":                                                                      "has no name",
		"projects:\n  - name: s\n    environments:\n      - name: p\n        services: [{name: a}, {name: a}]\n": "the service s/p/a is there twice",
		"projects:\n  - name: s\n    environments:\n      - name: p\n        services: [{name: a, domains: [x.org]}, {name: b, domains: [x.org]}]\n": "the domain x.org is there twice",
		"projects: 7\n": "projects",
		"projects:\n  - name: s\n    environments:\n      - name: p\n        services: [{name: a, health: {path: /, timeout: soon}}]\n": "\"soon\" is no duration",
		"projects:\n  - name: s\n    environments:\n      - name: p\n        services: [{name: a, count: many}]\n":                      "count",
		"projects:\n  - name: s\n    environments:\n      - name: p\n        services: [{name: a, count: 2, autoscale: {max: 3}}]\n":    "leave one of them out",
		"projects:\n  - name: s\n    environments:\n      - name: p\n        services: [{name: a, autoscale: {min: 2}}]\n":              "between 2 and 0",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\nis refused with %v; want %q", text, err, want)
		}
	}
}

// steps are changes in short.
func steps(all []Change) string {
	var lines []string
	for _, c := range all {
		lines = append(lines, strings.Join(append([]string{string(c.Action), c.Kind, c.Name}, c.Says...), " "))
	}
	return strings.Join(lines, "\n")
}

func TestAPlanMakesWhatIsMissingInAnOrderThatWorks(t *testing.T) {
	got := steps(Plan(File{}, sample(), true))
	want := `create project shop
update environment shop/production env: + LEVEL
create service shop/production/web shape:  → MAX count: 0 → 2 port: 3000 health: GET /up env: + A
create domain www.example.com to shop/production/web
create service shop/production/api shape:  → FLX autoscale: 2 to 4 spherelets, at 50 % CPU region: "" → "local"
deploy service shop/production/api image: nginx:1
create environment shop/staging`
	if got != want {
		t.Errorf("the plan is\n%s\nwant\n%s", got, want)
	}
}

func TestAPlanChangesOnlyWhatTheFileNames(t *testing.T) {
	want := File{Projects: []Project{{Name: "shop", Environments: []Environment{{Name: "production", Services: []Service{
		{Name: "web", Count: 3, Env: map[string]string{"A": "2", "B": "3"}},
	}}}}}}
	have := sample()
	if got := steps(Plan(have, want, false)); got != "update service shop/production/web count: 2 → 3 env: ~ A env: + B" {
		t.Errorf("without prune: %s", got)
	}
	got := steps(Plan(have, want, true))
	if !strings.HasSuffix(got, "delete service shop/production/api\ndelete environment shop/staging") {
		t.Errorf("with prune: %s", got)
	}
	have.Projects = append(have.Projects, Project{Name: "other"})
	if strings.Contains(steps(Plan(have, want, true)), "other") {
		t.Error("a project that the file does not name would be deleted")
	}
}

func TestDomainsThatAServiceNoLongerListsGoWithPruneOnly(t *testing.T) {
	service := func(domains []string) File {
		return File{Projects: []Project{{Name: "s", Environments: []Environment{{Name: "p", Services: []Service{{Name: "w", Domains: domains}}}}}}}
	}
	have, want := service([]string{"old.example.com", "kept.example.com"}), service([]string{"kept.example.com", "new.example.com"})
	if got := steps(Plan(have, want, false)); got != "create domain new.example.com to s/p/w" {
		t.Errorf("without prune: %s", got)
	}
	if got := steps(Plan(have, want, true)); got != "create domain new.example.com to s/p/w\ndelete domain old.example.com of s/p/w" {
		t.Errorf("with prune: %s", got)
	}
	if got := steps(Plan(have, service(nil), true)); got != "" {
		t.Errorf("of a service that names none: %s", got)
	}
}

func TestSecretsThatAreMissingAreNamed(t *testing.T) {
	if got := Missing(File{}, sample()); len(got) != 1 || got[0] != "csph services set-secret shop/production/web KEY" {
		t.Errorf("missing: %v", got)
	}
	if got := Missing(sample(), sample()); len(got) != 0 {
		t.Errorf("missing: %v", got)
	}
}

func FuzzParse(f *testing.F) {
	text, err := Encode(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("projects: [{name: a, environments: [{name: b, services: [{name: c, env: {A: 1}}]}]}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Encode(file)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(again)
		if err != nil {
			t.Fatalf("%q is written as %q, which is refused: %v", text, again, err)
		}
		if plan := Plan(back, file, true); len(plan) != 0 {
			t.Fatalf("%q is written as %q, between which there is %+v", text, again, plan)
		}
	})
}

func TestACountTurnsAutoscalingOffAndTheOtherWayRound(t *testing.T) {
	file := func(s Service) File {
		s.Name = "web"
		return File{Projects: []Project{{Name: "shop", Environments: []Environment{{Name: "production", Services: []Service{s}}}}}}
	}
	counted, scaled := Service{Count: 3}, Service{Autoscale: &Autoscale{Min: 1, Max: 5, CPU: 70}}
	for _, c := range []struct {
		have, want Service
		steps      string
	}{
		{scaled, Service{}, ""},
		{scaled, scaled, ""},
		{scaled, counted, "update service shop/production/web autoscale: off count: 0 → 3"},
		{counted, scaled, "update service shop/production/web autoscale: 1 to 5 spherelets, at 70 % CPU"},
		{Service{Autoscale: &Autoscale{Min: 1, Max: 4, CPU: 70}}, scaled, "update service shop/production/web autoscale: 1 to 5 spherelets, at 70 % CPU"},
	} {
		if got := steps(Plan(file(c.have), file(c.want), false)); got != c.steps {
			t.Errorf("%+v becomes %+v by %q, want %q", c.have, c.want, got, c.steps)
		}
	}
}
