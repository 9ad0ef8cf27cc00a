package builder

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/opencontainers/image-spec/identity"

	"csph/buildpacks"
	"csph/buildpacks/zerops"
	"csph/platform"
)

// zeropsPlan is the plan of a source with this zerops.yml.
func zeropsPlan(t testing.TB, dir string) buildpacks.Plan {
	t.Helper()
	plan, err := buildpacks.Detect(os.DirFS(dir), buildpacks.Options{})
	must(t, err)
	if plan.Zerops == nil {
		t.Fatalf("the plan is not of zerops.yml: %+v", plan)
	}
	return plan
}

// buildZerops builds a source of files, which differ from build to build, for the service.
func (l *lab) buildZerops(ctx context.Context, service, deployment string, files map[string]string) (platform.Image, error) {
	l.t.Helper()
	dir := source(l.t, files)
	return l.Build(ctx, Request{Deployment: deployment, Service: service, Dir: dir, Plan: zeropsPlan(l.t, dir)})
}

// content is that of a file of an image in the engine's store.
func (l *lab) content(ctx context.Context, image platform.Image, name string) string {
	l.t.Helper()
	ctx = l.inNamespace(ctx)
	found, err := l.engine.GetImage(ctx, image.Ref)
	must(l.t, err)
	layers, err := found.RootFS(ctx)
	must(l.t, err)
	snapshots := l.engine.SnapshotService(snapshotter)
	mounts, err := snapshots.View(ctx, "test-"+image.Ref, identity.ChainID(layers).String())
	must(l.t, err)
	defer snapshots.Remove(ctx, "test-"+image.Ref)
	var text []byte
	must(l.t, mount.WithReadonlyTempMount(ctx, mounts, func(root string) (err error) {
		text, err = os.ReadFile(filepath.Join(root, name))
		return err
	}))
	return string(text)
}

const cachingZerops = `zerops:
  - setup: app
    build:
      base: ubuntu@22.04
      prepareCommands:
        - echo prepared by $0 in $PWD; date +%N > /prepared; sudo -E env WHO=$WHO sh -c 'echo "$WHO" > /who'
      buildCommands:
        - export A=lost
        - |
          test -z "$A"
          B=kept
          echo $B in $PWD > out.txt
        - cat deps/note 2>/dev/null || echo "no deps yet"
        - mkdir -p deps dist/inner && echo dependency > deps/note && cp version.txt dist/inner/ && echo index > dist/index.html
        - cat conflict/a; echo from the build > conflict/b
        - cp /prepared /who out.txt dist/
      deployFiles: [dist/~, "*.txt", conflict]
      cache: [deps, conflict]
      addToRunPrepare: manifest
      envVariables: {WHO: me}
    run:
      base: ubuntu@22.04
      prepareCommands:
        - test "$(ls)" = manifest && cp manifest /etc/manifest && date +%N > /etc/run-prepared
      start: sleep 1000
`

// The build container's life: SPEC section 3 and the seed.
func TestABuildOfZeropsKeepsItsCacheAndPreparesOnce(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(5 * time.Minute)
	files := map[string]string{
		"zerops.yml": cachingZerops, "version.txt": "1", "manifest": "m", "conflict/a": "source 1", ".deployignore": "ignored.txt\n/dist/nothing\n", "ignored.txt": "x",
	}
	one, err := l.buildZerops(ctx, "svc_zcache", "dep_z1", files)
	if err != nil {
		t.Fatalf("%v\n%s", err, l.logText("dep_z1"))
	}
	first := l.logText("dep_z1")
	if got := strings.Count(first, "ubuntu:22.04 cannot be had here"); got != 1 {
		t.Errorf("it is said %d times that Debian takes Ubuntu's place", got)
	}
	for _, want := range []string{"O prepared by sh in /home/zerops", "O there is nothing in the cache yet", "O no deps yet", "O source 1"} {
		if !strings.Contains(first, want) {
			t.Errorf("the first log lacks %q:\n%s", want, first)
		}
	}
	want := "conflict/a 1000\nconflict/b 1000\nindex.html 1000\ninner/version.txt 1000\nout.txt 1000\nprepared 1000\nversion.txt 1000\nwho 1000\n"
	if got := l.listing(ctx, one, "/var/www"); got != want {
		t.Errorf("deployed are\n%swant\n%s", got, want)
	}
	files["version.txt"], files["conflict/a"] = "2", "source 2"
	two, err := l.buildZerops(ctx, "svc_zcache", "dep_z2", files)
	if err != nil {
		t.Fatalf("%v\n%s", err, l.logText("dep_z2"))
	}
	second := l.logText("dep_z2")
	for _, want := range []string{"S prepareCommands 1/1: echo prepared by $0 in $PWD; date +%N > /prepared; sudo -E env WHO=$WHO sh -c 'e …  cached", "O restored: conflict deps", "O dependency", "O source 2", "run.prepareCommands 1/1: test \"$(ls)\" = manifest && cp manifest /etc/manifest && date +%N > /etc/run-prep …  cached"} {
		if !strings.Contains(second, want) {
			t.Errorf("the second log lacks %q:\n%s", want, second)
		}
	}
	if l.content(ctx, one, "/var/www/prepared") != l.content(ctx, two, "/var/www/prepared") {
		t.Error("prepareCommands ran again although the cache is valid")
	}
	if got := l.content(ctx, two, "/var/www/who") + l.content(ctx, two, "/var/www/out.txt"); got != "me\nkept in /build/source\n" {
		t.Errorf("the build wrote %q", got)
	}
}

// What the seed calls the two layers: the container after prepareCommands, and what a build leaves behind. Both go when
// one of them does, or by hand.
func TestACacheOfEverythingKeepsTheWholeBuildContainer(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(5 * time.Minute)
	const file = `zerops:
  - setup: app
    build:
      base: ubuntu@22.04
      prepareCommands:
        - cat /build/source/version.txt > /prepared; date +%%N >> /prepared; echo fresh > /build/source/generated
      buildCommands:
        - cat generated version.txt /opt/tool/state 2>&1 | tr '\n' ' '
        - mkdir -p /opt/tool; cp version.txt /opt/tool/state; ln -sf state /opt/tool/link; cp /bin/true /usr/local/bin/extra
        - cp /prepared prepared; touch built-$(cat version.txt)
      deployFiles: ./
      cache: %s
    run: {base: ubuntu@22.04, start: x}
`
	build := func(deployment, cache, version string) (prepared, said string) {
		t.Helper()
		image, err := l.buildZerops(ctx, "svc_zwhole", deployment, map[string]string{"zerops.yml": fmt.Sprintf(file, cache), "version.txt": version + "\n"})
		if err != nil {
			t.Fatalf("%v\n%s", err, l.logText(deployment))
		}
		return l.content(ctx, image, "/var/www/prepared"), l.logText(deployment) + l.listing(ctx, image, "/var/www")
	}
	expect := func(said string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(said, want) {
				t.Errorf("there is no %q in\n%s", want, said)
			}
		}
	}
	first, said := build("dep_w1", "true", "1")
	expect(said, "O fresh 1 cat: /opt/tool/state: No such file", "there is nothing in the cache yet", "built-1")
	if !strings.HasPrefix(first, "1") {
		t.Errorf("prepareCommands saw the version %q", first)
	}
	second, said := build("dep_w2", "true", "2")
	expect(said, "O fresh 2 1 ", "restored outside of the source: opt usr", "built-1", "built-2", "generated")
	if second != first {
		t.Errorf("a change of the source made prepareCommands run again: %q", second)
	}
	third, said := build("dep_w3", "false", "3")
	expect(said, "O fresh 3 cat: /opt/tool/state: No such file")
	if third == first {
		t.Error("a change of build.cache left the prepared container valid")
	}
	if _, err := l.ClearCache(ctx, "svc_zwhole"); err != nil {
		t.Fatal(err)
	}
	if fourth, _ := build("dep_w4", "false", "3"); fourth == third {
		t.Error("prepareCommands did not run again after the caches were cleared")
	}
}

// The four triggers are run.os, run.base, run.prepareCommands and the content of addToRunPrepare; the first two have a
// test of their own, since they take other bases.
func TestTheRunImageIsPreparedAgainForItsOwnReasonsOnly(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(5 * time.Minute)
	const file = "zerops:\n  - setup: app\n    build: {base: ubuntu@22.04, deployFiles: ./, addToRunPrepare: manifest, buildCommands: [\"%s\"]}\n" +
		"    run: {base: ubuntu@22.04, start: x, envVariables: {A: %s}, prepareCommands: [\"date +%%N > /etc/when; test ! -e /var/www/app.txt; %s\"]}\n"
	prepared := func(deployment, build, env, prepare, manifest, app string) string {
		t.Helper()
		image, err := l.buildZerops(ctx, "svc_zrun", deployment, map[string]string{
			"zerops.yml": fmt.Sprintf(file, build, env, prepare), "manifest": manifest, "app.txt": app,
		})
		if err != nil {
			t.Fatalf("%v\n%s", err, l.logText(deployment))
		}
		return l.content(ctx, image, "/etc/when")
	}
	before := prepared("dep_r1", "true", "1", "true", "m", "app 1")
	if prepared("dep_r2", "echo other", "2", "true", "m", "app 2") != before {
		t.Error("a change of the app, its build or its variables prepared the run image again")
	}
	if prepared("dep_r3", "true", "1", "echo other", "m", "app 1") == before {
		t.Error("a change of run.prepareCommands did not")
	}
	if prepared("dep_r4", "true", "1", "true", "changed", "app 1") == before {
		t.Error("a change of what addToRunPrepare names did not")
	}
	if _, err := l.ClearCache(ctx, "svc_zrun"); err != nil {
		t.Fatal(err)
	}
	if prepared("dep_r5", "true", "1", "true", "m", "app 1") == before {
		t.Error("clearing the caches by hand did not")
	}
}

func TestAFailedZeropsBuildKeepsNothingAndSaysWhatIsMissing(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(5 * time.Minute)
	const file = "zerops:\n  - setup: app\n    build: {base: ubuntu@22.04, cache: kept, deployFiles: [a, dist], buildCommands: [\"ls; echo x > kept; touch a; %s\"]}\n    run: {base: ubuntu@22.04, start: x}\n"
	build := func(deployment, command string) error {
		_, err := l.buildZerops(ctx, "svc_zfail", deployment, map[string]string{"zerops.yml": fmt.Sprintf(file, command), "f": deployment})
		return err
	}
	f := failureOf(t, build("dep_f1", "true"))
	if !strings.Contains(f.Message, "collect deployFiles: a, dist") || !strings.Contains(strings.Join(f.Tail, "\n"), "dist: there is nothing of this name in /build/source after the build; it has: a f kept zerops.yml") {
		t.Errorf("failure is %+v", f)
	}
	if f := failureOf(t, build("dep_f2", "exit 3")); !strings.Contains(f.Message, "exit code 3") {
		t.Errorf("failure is %+v", f)
	}
	if err := build("dep_f3", "mkdir dist; touch dist/x"); err != nil {
		t.Fatal(err)
	}
	if text := l.logText("dep_f3"); !strings.Contains(text, "there is nothing in the cache yet") {
		t.Errorf("a failed build has filled the cache:\n%s", text)
	}
}

func TestDeployFilesAreThoseOfTheSeed(t *testing.T) {
	l := sharedLab(t)
	ctx := l.timeout(5 * time.Minute)
	tree := map[string]string{"dist/index.js": "x", "dist/lib/a.js": "x", "src/assets/fonts/f.woff": "x", "packages/a/dist/a.js": "x", "packages/b/dist/b.js": "x", "a b/c.txt": "x", "top.txt": "x"}
	for i, c := range []struct{ deploy, ignore, want string }{
		{"dist", "", "dist/index.js dist/lib/a.js"},
		{"dist/~", "", "index.js lib/a.js"},
		{"./src/assets/fonts", "", "src/assets/fonts/f.woff"},
		{"./src/assets/~fonts", "", "fonts/f.woff"},
		{"dist/~/lib/a.js", "", "lib/a.js"},
		{"packages/*/dist", "", "packages/a/dist/a.js packages/b/dist/b.js"},
		{"packages/*/~/dist", "", "dist/a.js dist/b.js"},
		{"['a b', '*.txt']", "", "a b/c.txt top.txt"},
		{"[dist, src]", "lib\n/src/assets\n", "dist/index.js"},
		{"./", "*.js\n!dist/index.js\n/zerops.yml\n.deployignore\n", "a b/c.txt dist/index.js src/assets/fonts/f.woff top.txt"},
	} {
		files := map[string]string{"zerops.yml": "zerops:\n  - setup: app\n    build: {base: ubuntu@22.04, deployFiles: " + c.deploy + "}\n    run: {base: ubuntu@22.04, start: x}\n"}
		for name, content := range tree {
			files[name] = content
		}
		if c.ignore != "" {
			files[".deployignore"] = c.ignore
		}
		deployment := fmt.Sprintf("dep_d%d", i)
		image, err := l.buildZerops(ctx, "svc_zfiles", deployment, files)
		if err != nil {
			t.Fatalf("%s: %v\n%s", c.deploy, err, l.logText(deployment))
		}
		got := strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(l.listing(ctx, image, "/var/www")), " 1000", ""), "\n", " ")
		if got != c.want {
			t.Errorf("%s without %q: %s, want %s", c.deploy, c.ignore, got, c.want)
		}
	}
}

func TestZeropsPlansBecomeTheGoldenDefinitions(t *testing.T) {
	node := base{name: "docker.io/library/node:22-bookworm-slim", env: []string{"NODE_VERSION=22.1.0"}}
	for _, app := range []string{"zerops-node", "zerops-static"} {
		plan := zeropsPlan(t, filepath.Join("../test/apps", app))
		run := node
		if plan.Site != nil {
			run = base{name: serverPrefix + "0123456789ab"}
		}
		def, err := planDefinition(context.Background(), "svc_1", plan, node, run, nil, survey{newest: time.Unix(1e9, 0)})
		must(t, err)
		golden(t, app+".llb.json", readable(t, def.ToPB()))
		config, err := json.MarshalIndent(imageConfig(plan, run), "", "  ")
		must(t, err)
		golden(t, app+".config.json", append(config, '\n'))
	}
}

// What the run image is prepared of is in the name that BuildKit gives the step; the content of addToRunPrepare is not,
// but in its cache key.
func TestTheNameOfThePreparedRunImageFollowsFromItsOwnKeysOnly(t *testing.T) {
	const file = "zerops:\n  - setup: app\n    build: {base: %s, buildCommands: [\"%s\"], deployFiles: %s, cache: %s}\n    run: {base: %s, os: %s, start: %s, prepareCommands: [%s]}\n"
	prepared := func(build, command, deploy, cache, run, os, start, prepare string) string {
		t.Helper()
		dir := source(t, map[string]string{"zerops.yml": fmt.Sprintf(file, build, command, deploy, cache, run, os, start, prepare)})
		plan := zeropsPlan(t, dir)
		def, err := planDefinition(context.Background(), "svc_1", plan, base{name: plan.BuildImage}, base{name: plan.RunImage}, nil, survey{})
		must(t, err)
		for name, meta := range def.Metadata {
			if strings.HasPrefix(meta.Description["llb.customname"], "run.prepareCommands") {
				return name.String()
			}
		}
		t.Fatal("there is no step that prepares the run image")
		return ""
	}
	before := prepared("go@1", "make", "./", "false", "nodejs@22", "ubuntu", "x", "a")
	for what, same := range map[string]string{
		"build.base": prepared("go@1.25", "make", "./", "false", "nodejs@22", "ubuntu", "x", "a"), "buildCommands": prepared("go@1", "other", "./", "false", "nodejs@22", "ubuntu", "x", "a"),
		"deployFiles and cache": prepared("go@1", "make", "dist", "true", "nodejs@22", "ubuntu", "x", "a"), "start": prepared("go@1", "make", "./", "false", "nodejs@22", "ubuntu", "y", "a"),
	} {
		if same != before {
			t.Errorf("a change of %s makes the prepared run image invalid", what)
		}
	}
	for what, other := range map[string]string{
		"run.base": prepared("go@1", "make", "./", "false", "nodejs@20", "ubuntu", "x", "a"), "run.os": prepared("go@1", "make", "./", "false", "nodejs@22", "alpine", "x", "a"),
		"run.prepareCommands": prepared("go@1", "make", "./", "false", "nodejs@22", "ubuntu", "x", "b"),
	} {
		if other == before {
			t.Errorf("a change of %s leaves the prepared run image valid", what)
		}
	}
}

func TestBasesAreJoinedWithThePathsOfAll(t *testing.T) {
	env := jointEnv([]base{
		{env: []string{"PATH=/usr/local/bin:/usr/bin", "A=1"}}, {env: []string{"PATH=/usr/local/go/bin:/usr/bin", "A=2", "B=2"}},
	})
	if env["PATH"] != "/usr/local/bin:/usr/bin:/usr/local/go/bin" || env["A"] != "1" || env["B"] != "2" {
		t.Errorf("got %v", env)
	}
}

// Patterns mean to the shell what they mean to path.Match, and nothing else.
func TestPatternsAreWrittenForTheShell(t *testing.T) {
	dir := source(t, map[string]string{"a b.txt": "", "$HOME": "", "x1": "", "x2": "", "xy": "", "-f": "", "it's": "", "*": ""})
	for pattern, want := range map[string]string{
		"a b.txt": "a b.txt", "$HOME": "$HOME", "x[0-9]": "x1 x2", "x[^0-9]": "xy", "-f": "./-f", "it's": "it's", "x?": "x1 x2 xy", `\*`: "*", "none*": "none*", "`id`;id": "`id`;id",
	} {
		cmd := exec.Command("/bin/sh", "-c", "set -- "+shellGlob(pattern)+`; printf '%s ' "$@"`)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s became %q: %q (%v), want %q", pattern, shellGlob(pattern), got, err, want)
		}
	}
}

func TestSudoRunsWhatItIsGiven(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sudo")
	must(t, os.WriteFile(file, []byte(sudoScript), 0o755))
	for args, want := range map[string]string{"echo hello": "hello", "-E -u root A=b sh -c 'echo $A'": "b", "-- echo -n x": "x"} {
		out, err := exec.Command("/bin/sh", "-c", file+" "+args).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("sudo %s said %q (%v), want %q", args, got, err, want)
		}
	}
}

func TestTheSourceOfZeropsIsCompleteForTheBuild(t *testing.T) {
	dir := source(t, map[string]string{".deployignore": "src\n", "src/a": "x", ".git/HEAD": "x"})
	mounts, err := mountsOf(Request{Dir: dir, Plan: buildpacks.Plan{Zerops: &zerops.Plan{}}})
	must(t, err)
	if _, err := mounts[sourceMount].Open("src/a"); err != nil {
		t.Errorf("what is not deployed is not there for the build: %v", err)
	}
	if _, err := mounts[sourceMount].Open(".git/HEAD"); err == nil {
		t.Error(".git is part of the source")
	}
}
