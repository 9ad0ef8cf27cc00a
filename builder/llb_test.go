package builder

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"csph/buildpacks"
	"csph/platform"
)

var update = flag.Bool("update", false, "write the golden files anew")

// readable is a definition as JSON: operations in order, with their names, and numbers in place of digests.
func readable(t *testing.T, def *pb.Definition) []byte {
	t.Helper()
	numbers := map[string]string{}
	var all []any
	for i, b := range def.Def {
		d := digest.FromBytes(b).String()
		numbers[d] = fmt.Sprintf("#%d", i)
		op := new(pb.Op)
		must(t, proto.Unmarshal(b, op))
		for _, in := range op.Inputs {
			in.Digest = numbers[in.Digest]
		}
		if src := op.GetSource(); src != nil {
			delete(src.Attrs, "local.unique") // differs from run to run, and is not part of what is cached
		}
		raw, err := protojson.Marshal(op)
		must(t, err)
		var fields map[string]any
		must(t, json.Unmarshal(raw, &fields))
		delete(fields, "platform")
		delete(fields, "constraints")
		entry := map[string]any{"#": i, "op": fields}
		if meta := def.Metadata[d]; meta != nil && meta.Description["llb.customname"] != "" {
			entry["name"] = meta.Description["llb.customname"]
		}
		all = append(all, entry)
	}
	out, err := json.MarshalIndent(all, "", "  ")
	must(t, err)
	return append(out, '\n')
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		write(t, path, string(got))
		return
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at it with git diff after go test -update. Got:\n%s", path, got)
	}
}

func nodePlan() buildpacks.Plan {
	return buildpacks.Plan{
		Language: "node", Start: "npm run start && echo done", Port: 3000, User: "1000",
		BuildImage: "docker.io/library/node:22-bookworm-slim", RunImage: "docker.io/library/node:22-bookworm-slim",
		Env: map[string]string{"NODE_ENV": "production", "PATH": "/app/bin:/usr/bin"}, BuildEnv: map[string]string{"CI": "true"},
		Steps: []buildpacks.Step{
			{Name: "install dependencies", Command: "npm ci", Inputs: []string{"package.json", "package-lock.json"}, Caches: []string{"/root/.npm"}},
			{Name: "build", Command: "npm run build"},
			{Name: "prune", Command: "npm prune"},
		},
		Copy:  []buildpacks.Copy{{From: "/app/node_modules", To: "/app/node_modules"}, {From: "/app", To: "/app", Exclude: []string{"node_modules"}}},
		Files: map[string]string{"/etc/app/b.conf": "b", "/etc/app/a.conf": "a"},
	}
}

func TestPlansBecomeTheGoldenDefinitions(t *testing.T) {
	debian := base{name: debianBase}
	golang := base{name: "docker.io/library/golang:1.26-bookworm", env: []string{"PATH=/usr/local/go/bin:/usr/bin"}, seed: []string{"/root/.cache/go-build"}}
	node := base{name: "docker.io/library/node:22-bookworm-slim", env: []string{"NODE_VERSION=22.1.0"}}
	static := buildpacks.Plan{Language: "static", User: "1000", Site: &platform.Site{Root: "/app/public"}, Copy: []buildpacks.Copy{{From: "/public", To: "/app/public"}}}
	for name, c := range map[string]struct {
		plan       buildpacks.Plan
		build, run base
	}{
		"go": {goPlan(), golang, debian}, "node": {nodePlan(), node, node}, "static": {static, base{}, base{name: serverPrefix + "0123456789ab"}},
		"site-on-debian": {static, base{}, base{name: debianBase, server: serverPrefix + "0123456789ab"}},
	} {
		def, err := planDefinition(context.Background(), "svc_1", c.plan, c.build, c.run, map[string]string{"GREETING": "hello"}, survey{})
		must(t, err)
		golden(t, name+".llb.json", readable(t, def.ToPB()))
		equipped, err := rewrite(def.ToPB(), equip("/csph-0-builds/svc_1", HostSettings{Env: map[string]string{"GOPROXY": "https://secret.example.com"}, CABundle: []byte("x")}, nil))
		must(t, err)
		golden(t, name+".equipped.json", readable(t, equipped))
		config, err := json.MarshalIndent(imageConfig(c.plan, c.run), "", "  ")
		must(t, err)
		golden(t, name+".config.json", append(config, '\n'))
	}
}

func TestEquippingABuildKeepsSettingsOutOfItsDefinition(t *testing.T) {
	def, err := planDefinition(context.Background(), "svc_1", nodePlan(), base{name: "docker.io/library/node:22"}, base{}, nil, survey{})
	must(t, err)
	s := HostSettings{
		Env: map[string]string{"GOPROXY": "https://hidden.example.com", "CI": "hidden"}, CABundle: []byte("hidden-ca"), NPMRC: []byte("hidden-npm"), AptConf: []byte("hidden-apt"),
	}
	equipped, err := rewrite(def.ToPB(), equip("/builds/svc_1", s, nil))
	must(t, err)
	if text := readable(t, equipped); bytes.Contains(text, []byte("hidden")) {
		t.Errorf("the definition shows a setting:\n%s", text)
	}
	execs := 0
	for _, b := range equipped.Def {
		op := new(pb.Op)
		must(t, proto.Unmarshal(b, op))
		exec := op.GetExec()
		if exec == nil {
			continue
		}
		execs++
		if exec.Meta.CgroupParent != "/builds/svc_1" {
			t.Errorf("a step is in cgroup %q", exec.Meta.CgroupParent)
		}
		for _, e := range exec.Secretenv {
			if e.Name == "CI" {
				t.Error("a variable that the plan sets is overridden")
			}
		}
		if !hasSecretEnv(exec.Secretenv, "GOPROXY") || !hasSecretEnv(exec.Secretenv, "SSL_CERT_FILE") {
			t.Errorf("settings are missing: %v", exec.Secretenv)
		}
	}
	if execs != 3 {
		t.Errorf("%d steps, want 3", execs)
	}
	names := map[string]bool{}
	for _, m := range equipped.Metadata {
		names[m.Description["llb.customname"]] = true
	}
	for _, want := range []string{"install dependencies", "build", "copy /app"} {
		if !names[want] {
			t.Errorf("step %q has lost its name", want)
		}
	}
}

func TestSecretsCoverWhatADefinitionAsksFor(t *testing.T) {
	s := HostSettings{Env: map[string]string{"GOPROXY": "x"}, CABundle: []byte("ca"), NPMRC: []byte("npm")}
	op := &pb.Op{Op: &pb.Op_Exec{Exec: &pb.ExecOp{Meta: &pb.Meta{}}}}
	equip("/x", s, nil)(op)
	secrets := s.secrets()
	for _, e := range op.GetExec().Secretenv {
		if len(secrets[e.ID]) == 0 {
			t.Errorf("no secret for variable %s", e.Name)
		}
	}
	for _, m := range op.GetExec().Mounts {
		if len(secrets[m.SecretOpt.ID]) == 0 {
			t.Errorf("no secret for file %s", m.Dest)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	def, err := planDefinition(context.Background(), "svc_1", goPlan(), base{name: debianBase}, base{name: debianBase}, nil, survey{})
	if err != nil {
		f.Fatal(err)
	}
	for _, b := range def.Def {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = rewrite(&pb.Definition{Def: [][]byte{b}}, equip("/x", HostSettings{Env: map[string]string{"A": "b"}}, []string{"TOKEN"}))
	})
}

func TestStartCommandsReplaceTheShellWhereTheyCan(t *testing.T) {
	for start, want := range map[string]string{
		"node server.js":                  "exec node server.js",
		"/app/bin/web -port $PORT":        "exec /app/bin/web -port $PORT",
		"a && b":                          "a && b",
		"cd web; node .":                  "cd web; node .",
		"PORT=3 node .":                   "PORT=3 node .",
		"exec node .":                     "exec node .",
		"if true":                         "if true",
		"node a | tee log":                "node a | tee log",
		"gunicorn app:app --bind 0.0.0.0": "exec gunicorn app:app --bind 0.0.0.0",
		"echo `date`":                     "echo `date`",
		"  bin/web  ":                     "exec   bin/web  ",
		"(bin/web)":                       "(bin/web)",
		"source env":                      "source env",
		"bin/web --flag=x\nbin/other":     "bin/web --flag=x\nbin/other",
		"java -Dx=y -jar app.jar":         "exec java -Dx=y -jar app.jar",
	} {
		if got := shellCommand(start); got[2] != want || !slices.Equal(got[:2], []string{"/bin/sh", "-c"}) {
			t.Errorf("%q becomes %q, want %q", start, got, want)
		}
	}
}

func TestTheIgnoreFilesOfASourceAreOneListOfPatterns(t *testing.T) {
	dir := source(t, map[string]string{".dockerignore": "# comment\ndocs\n!docs/kept\n", ".deployignore": "*.log\n/dist\nsrc/tmp\n!keep.log\n"})
	want := []string{".git", "docs", "!docs/kept", "**/*.log", "dist", "**/src/tmp", "!**/keep.log"}
	if got, err := excludes(dir, true); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if got, err := excludes(dir, false); err != nil || !slices.Equal(got, append(want[:1:1], want[3:]...)) {
		t.Errorf("of a Dockerfile's source: %q, %v", got, err)
	}
	if got, err := excludes(t.TempDir(), true); err != nil || !slices.Equal(got, want[:1]) {
		t.Errorf("without ignore files: %q, %v", got, err)
	}
}
