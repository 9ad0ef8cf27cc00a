package buildpacks

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serveSite runs the real nginx on files with a site's configuration and returns its address.
func serveSite(t *testing.T, s site, files map[string]string) string {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		if testing.Short() {
			t.Skip("nginx is not installed")
		}
		t.Fatalf("nginx is not installed (apt-get install nginx-light): %v", err)
	}
	dir := t.TempDir()
	for name, content := range files {
		writeGolden(t, filepath.Join(dir, "site", name), []byte(content))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	config := strings.NewReplacer("__PORT__", address, "__ACCESS__", "off", "/tmp/", dir+"/", siteFolder, dir+"/site").Replace(s.nginx())
	writeGolden(t, filepath.Join(dir, "nginx.conf"), []byte(config))
	startNginx(t, nginx, filepath.Join(dir, "nginx.conf"))
	awaitPort(t, address)
	return "http://" + address
}

func startNginx(t *testing.T, nginx, config string) {
	t.Helper()
	command := exec.Command(nginx, "-e", "stderr", "-c", config)
	if os.Getuid() == 0 {
		command.Args = append(command.Args, "-g", "user root;") // the temporary folder is closed to others
	}
	var output strings.Builder
	command.Stderr = &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := command.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("stop nginx: %v: %s", err, output.String())
		}
		if err := command.Wait(); err != nil {
			t.Errorf("nginx: %v: %s", err, output.String())
		}
	})
}

func awaitPort(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address); err == nil {
			conn.Close()
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("nothing listens on %s", address)
}

type answer struct {
	status      int
	body, cache string
}

func ask(t *testing.T, url string) answer {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if to := response.Header.Get("Location"); to != "" {
		return answer{response.StatusCode, to, ""}
	}
	return answer{response.StatusCode, string(body), response.Header.Get("Cache-Control")}
}

const foreverHeader = "public, max-age=31536000, immutable"

func TestASiteOfPagesIsServedAsItsFilesSay(t *testing.T) {
	url := serveSite(t, site{}, map[string]string{"index.html": "home", "about.html": "about", "docs/index.html": "docs",
		"404.html": "lost", "app.0a1b2c3d.js": "hashed", "date-picker.js": "plain", ".env": "secret", ".well-known/x": "known"})
	for path, want := range map[string]answer{
		"/":                {200, "home", "no-cache"},
		"/about":           {200, "about", "no-cache"},
		"/docs/":           {200, "docs", "no-cache"},
		"/docs":            {301, "/docs/", ""},
		"/app.0a1b2c3d.js": {200, "hashed", foreverHeader},
		"/date-picker.js":  {200, "plain", "no-cache"},
		"/nowhere":         {404, "lost", ""},
		"/.env":            {404, "lost", ""},
		"/.well-known/x":   {200, "known", "no-cache"},
		"/healthz":         {200, "ok\n", "no-cache"},
	} {
		if got := ask(t, url+path); got != want {
			t.Errorf("%s: got %+v, want %+v", path, got, want)
		}
	}
}

func TestASinglePageAppAnswersEveryPathButLostAssets(t *testing.T) {
	url := serveSite(t, site{singlePage: true, immutable: []string{"/assets/"}}, map[string]string{
		"index.html": "app", "assets/index-Cz_owlYa.js": "js", "healthz": "mine"})
	for path, want := range map[string]answer{
		"/":                         {200, "app", "no-cache"},
		"/users/7":                  {200, "app", "no-cache"},
		"/assets/index-Cz_owlYa.js": {200, "js", foreverHeader},
		"/healthz":                  {200, "mine", "no-cache"},
	} {
		if got := ask(t, url+path); got != want {
			t.Errorf("%s: got %+v, want %+v", path, got, want)
		}
	}
	if got := ask(t, url+"/assets/gone.js"); got.status != 404 || strings.Contains(got.body, "app") {
		t.Errorf("/assets/gone.js: got %+v, want a 404 that is not the app", got)
	}
}
