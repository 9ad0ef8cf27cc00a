package manifest

import (
	"strings"
	"testing"
)

const withVolumes = `projects:
- name: shop
  environments:
  - name: production
    services:
    - name: web
      volumes:
      - {name: data, path: /data, size_mb: 2048}
      - {name: media, shared: true}
`

func TestVolumesAreAttachedAndNeverTakenAway(t *testing.T) {
	want, err := Parse([]byte(withVolumes))
	if err != nil {
		t.Fatal(err)
	}
	have := File{Projects: []Project{{Name: "shop", Environments: []Environment{{Name: "production", Services: []Service{
		{Name: "web", Volumes: []Volume{{Name: "media", Shared: true, SizeMB: 5}, {Name: "old", Path: "/old"}}},
	}}}}}}
	plan := Plan(have, want, true)
	if len(plan) != 1 || plan[0].Kind != "volume" || plan[0].Action != Create || plan[0].Name != "shop/production/data" || plan[0].Service != "shop/production/web" {
		t.Errorf("the plan is %+v", plan)
	}
	text, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(text)
	if err != nil || len(Plan(again, want, true)) != 0 {
		t.Errorf("read back (%v), it is %s", err, text)
	}
}

func TestAVolumeIsAttachedWhereNoneOfItsNameIsAtItsPath(t *testing.T) {
	want := Service{Name: "web", Volumes: []Volume{{Name: "data", Path: "/data"}}}
	for name, c := range map[string]struct {
		have     []Volume
		attached bool
	}{
		"as it is":              {[]Volume{{Name: "data", Path: "/data", SizeMB: 7}}, false},
		"with another volume":   {[]Volume{{Name: "other", Path: "/other"}, {Name: "data", Path: "/data"}}, false},
		"at another path":       {[]Volume{{Name: "data", Path: "/else"}}, true},
		"another at its path":   {[]Volume{{Name: "other", Path: "/data"}}, true},
		"each half of it there": {[]Volume{{Name: "data", Path: "/else"}, {Name: "other", Path: "/data"}}, true},
		"without any":           {nil, true},
	} {
		plan := planVolumes("shop/production", "shop/production/web", Service{Volumes: c.have}, want)
		if (len(plan) == 1) != c.attached || len(plan) > 1 {
			t.Errorf("%s: the plan is %+v", name, plan)
		}
	}
	unmountable := Service{Volumes: []Volume{{Name: "data", Path: "/proc"}}}
	if plan := planVolumes("shop/production", "shop/production/web", Service{}, unmountable); len(plan) != 0 {
		t.Errorf("what cannot be mounted is planned: %+v", plan)
	}
}

func TestVolumesThatCannotBeMountedAreRefused(t *testing.T) {
	for old, bad := range map[string]string{
		"path: /data":                 "path: /proc",
		"{name: media, shared: true}": "{name: media, shared: true, path: /other}",
		"name: media, shared: true":   "name: data, path: /else",
		"name: media, shared: true}":  "name: media, path: /data}",
		"name: data, path: /data":     "path: /data",
	} {
		if _, err := Parse([]byte(strings.Replace(withVolumes, old, bad, 1))); err == nil {
			t.Errorf("%s is allowed", bad)
		}
	}
}
