package forge

import (
	"testing"
	"time"
)

func FuzzAnswersOfHostsAreReadWithoutHarm(f *testing.F) {
	for _, body := range []string{`{"id": 42}`, `{"message":{"message":"no"}}`, `{"errors":[{"message":"one\ntwo"}]}`, `{"error":"x"}`, "[]", "", `{"id":{}}`, `{"id":1e400}`, `{"values":[{"id":1,"comments":[{"content":"csph-1"}]}]}`} {
		f.Add([]byte(body), "120")
	}
	f.Fuzz(func(t *testing.T, body []byte, retry string) {
		if reason := reasonIn(body); len([]rune(reason)) > longestReason {
			t.Errorf("a reason of %d characters", len([]rune(reason)))
		}
		if handle, err := handleIn(body, []string{"id"}); err == nil && handle == "" && len(body) == 0 {
			t.Error("nothing has a handle")
		}
		if v, err := read(body); err == nil {
			all, _ := at(v, "values").([]any)
			if found := (listing{id: []string{"id"}, mark: []string{"comments", "0", "content"}}).marked(all, "csph-1"); found != "" && len(all) == 0 {
				t.Errorf("%q was found among nothing", found)
			}
		}
		wait := after(map[string][]string{"Retry-After": {retry}}, time.Unix(1_800_000_000, 0))
		if wait < 0 || wait > longestWait {
			t.Errorf("%q waits for %v", retry, wait)
		}
	})
}
