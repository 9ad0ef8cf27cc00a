package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/continuity/fs"
	"github.com/rogpeppe/go-internal/testscript"

	"csph/platform"
)

// lean SERVICE [TOOL…]: the image of a running service has no tools that only builds need, but perhaps those named, and
// nothing that package managers keep for a next time.
func lean(ts *testscript.TestScript, s *server, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: lean SERVICE [TOOL…]")
	}
	root, err := s.rootOf(args[0])
	ts.Check(err)
	if _, err := os.Stat(filepath.Join(root, "bin", "sh")); err != nil {
		ts.Fatalf("%s is no file system of a service: %v", root, err)
	}
	needless := slices.DeleteFunc(append(toolsIn(root), keptIn(root)...), func(name string) bool { return slices.Contains(args[1:], name) })
	if len(needless) > 0 {
		ts.Fatalf("the image of %s has %q", args[0], needless)
	}
}

// rootOf is the file system of a spherelet of a service as root of this machine sees it.
func (s *server) rootOf(service string) (string, error) {
	r, err := http.NewRequest(http.MethodGet, "http://"+s.api+"/v1/services/"+service+"/spherelets", nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+s.token())
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var all []platform.Spherelet
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil || len(all) == 0 {
		return "", fmt.Errorf("%s has %d spherelets: %s, %w", service, len(all), answer.Status, err)
	}
	tasks, err := exec.Command(filepath.Join(s.bin, "ctr"), "-a", filepath.Join(s.state, "containerd", "containerd.sock"), "-n", "csph", "tasks", "ls").Output()
	if err != nil {
		return "", fmt.Errorf("list tasks: %w", err)
	}
	for line := range strings.Lines(string(tasks)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == all[0].ID {
			return filepath.Join("/proc", f[1], "root"), nil
		}
	}
	return "", fmt.Errorf("no task is called %s:\n%s", all[0].ID, tasks)
}

// toolsIn are the compilers and the like in an image, sorted.
func toolsIn(root string) []string {
	var found []string
	for _, name := range []string{"as", "cargo", "cc", "clang", "g++", "gcc", "go", "gradle", "javac", "ld", "make", "mvn", "rustc"} {
		for _, dir := range []string{"bin", "usr/bin", "usr/local/bin", "usr/local/go/bin", "opt/java/openjdk/bin", "root/.cargo/bin"} {
			folder, err := fs.RootPath(root, dir) // a link in the image means a place in the image
			if err != nil {
				continue
			}
			if _, err := os.Lstat(filepath.Join(folder, name)); err == nil && !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
	}
	return found
}

// keptIn is what package managers have left in an image for a next time, sorted.
func keptIn(root string) []string {
	var found []string
	for _, home := range []string{"root", "app"} {
		for _, dir := range []string{".cache/*", ".npm/*", ".composer/cache/*", ".m2/*", ".gradle/*", ".bundle/cache/*", ".cargo/registry/*", ".local/share/pnpm/store", "go/pkg/*"} {
			found = append(found, globbed(root, home+"/"+dir)...)
		}
	}
	for _, kept := range []string{
		"usr/local/share/.cache/*", "usr/local/bundle/cache/*", "var/lib/apt/lists/*_Packages*", "var/cache/apt/*.bin", "var/cache/apt/archives/*.deb",
		"app/vendor/bundle/ruby/*/cache/*", "tmp/*npm*", "tmp/pip*", "tmp/composer*",
	} {
		found = append(found, globbed(root, kept)...)
	}
	slices.Sort(found)
	return found
}

func globbed(root, pattern string) []string {
	names, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil {
		return []string{err.Error()}
	}
	for i, name := range names {
		names[i], _ = strings.CutPrefix(name, root+"/")
	}
	return names
}
