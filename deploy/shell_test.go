package deploy

import "testing"

func TestASingleCommandReplacesTheShellUnlessTheShellHasToRunIt(t *testing.T) {
	for run, want := range map[string]string{
		"node server.js":           "exec node server.js",
		"exec java -jar app.jar":   "exec java -jar app.jar",
		"cd apps/web":              "cd apps/web",
		"execute me":               "exec execute me",
		"A=1 node x":               "A=1 node x",
		"migrate && serve":         "migrate && serve",
		"serve --port ${PORT:-80}": "serve --port ${PORT:-80}",
	} {
		if got := shell(run); got[2] != want {
			t.Errorf("%q: got %q, want %q", run, got[2], want)
		}
	}
}
