package buildpacks

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestOneOfSeveralRustProgramsIsChosen(t *testing.T) {
	manifest := "[package]\nname = \"shop\"\n"
	files := tree("Cargo.toml", manifest, "src/main.rs", "fn main() {}", "src/bin/seed.rs", "fn main() {}")
	choose := func(o Options, want string) {
		t.Helper()
		if p := mustDetect(t, files, o); p.Start != "/app/bin/"+want {
			t.Errorf("got %q, want %s", p.Start, want)
		}
	}
	choose(Options{}, "shop")
	choose(Options{Service: "seed"}, "seed")
	files["Cargo.toml"] = tree("x", manifest+"default-run = \"seed\"\n")["x"]
	choose(Options{}, "seed")
	files["Procfile"] = tree("x", "web: bin/shop --serve")["x"]
	if p := mustDetect(t, files, Options{}); !strings.Contains(p.Steps[0].Command, "--bin shop") {
		t.Errorf("the Procfile's program is not built: %q", p.Steps[0].Command)
	}
}

func TestAProgramOfRustForBrowsersIsASite(t *testing.T) {
	const yew = "[package]\nname = \"app\"\n[dependencies]\nyew = { version = \"0.21\", features = [\"csr\"] }\n"
	for name, files := range map[string][]string{
		"Trunk's index.html": {"Cargo.toml", "[package]\nname = \"app\"\n", "index.html", "<link data-trunk rel=\"css\" href=\"a.css\"/>"},
		"Yew":                {"Cargo.toml", yew, "index.html", "<html></html>"},
	} {
		p := mustDetect(t, tree(append(files, "src/main.rs", "fn main() {}")...), Options{})
		if p.Framework != "trunk" || p.Steps[1].Command != "trunk build --release --dist dist" || p.Copy[0].From != "/app/dist" {
			t.Errorf("%s: %+v", name, p)
		}
	}
	p := mustDetect(t, tree("Cargo.toml", yew+"axum = \"0.8\"\n", "index.html", "<html></html>", "src/main.rs", "fn main() {}"), Options{})
	if p.Start != "/app/bin/app" {
		t.Errorf("one with a server starts %q", p.Start)
	}
}

func TestLeptosIsBuiltWithItsSiteAndToldItsAddress(t *testing.T) {
	p := mustDetect(t, tree("Cargo.toml", "[package]\nname = \"shop\"\n[dependencies]\nleptos = \"0.8\"\nleptos_axum = \"0.8\"\n[package.metadata.leptos]\noutput-name = \"front\"\nsite-root = \"target/site\"\n",
		"src/main.rs", "fn main() {}", "src/lib.rs", ""), Options{})
	if p.Start != "exec env LEPTOS_SITE_ADDR=0.0.0.0:${PORT:-8080} /app/bin/shop" || p.Env["LEPTOS_OUTPUT_NAME"] != "front" ||
		!strings.Contains(p.Steps[1].Command, "cargo leptos build --release\n") || !strings.HasPrefix(p.BuildEnv["PATH"], "/opt/leptos/bin:/") {
		t.Errorf("got %+v", p)
	}
}

func TestTheRustProgramThatServesIsChosenByItsName(t *testing.T) {
	files := tree("Cargo.toml", "[workspace]\nmembers = [\"cli\", \"server\"]\n", "cli/Cargo.toml", "[package]\nname = \"shop-cli\"\n", "cli/src/main.rs", "fn main() {}",
		"server/Cargo.toml", "[package]\nname = \"shop_server\"\n", "server/src/main.rs", "fn main() {}")
	if p := mustDetect(t, files, Options{}); p.Start != "/app/bin/shop_server" {
		t.Errorf("starts %q", p.Start)
	}
	files["Cargo.toml"] = tree("x", "[workspace]\nmembers = [\"cli\", \"server\"]\ndefault-members = [\"cli\"]\n")["x"]
	if p := mustDetect(t, files, Options{}); p.Start != "/app/bin/shop-cli" {
		t.Errorf("with default-members, it starts %q", p.Start)
	}
}

func TestASiteOfLumeIsBuiltAndServed(t *testing.T) {
	files := tree("deno.json", `{"tasks":{"lume":"deno run -A lume/cli.ts","build":"deno task lume"},"imports":{"lume/":"https://deno.land/x/lume/"}}`, "_config.ts", "import lume from \"lume/mod.ts\";\nexport default lume();\n")
	if p := mustDetect(t, files, Options{}); p.Framework != "lume" || p.Copy[0].From != "/app/_site" || !slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Command == "deno task build" }) {
		t.Errorf("got %+v", p)
	}
	files["_config.ts"] = tree("x", `export default lume({ dest: "./out" });`)["x"]
	if p := mustDetect(t, files, Options{}); p.Copy[0].From != "/app/out" {
		t.Errorf("served from %s", p.Copy[0].From)
	}
}

func TestACargoManifestThatIsNoTOMLNamesTheLine(t *testing.T) {
	_, err := Detect(tree("Cargo.toml", "[package]\nname =\n"), Options{})
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Line != 2 {
		t.Errorf("got %v", err)
	}
}

func TestRustToolchainsAreThoseThatTheSourcePins(t *testing.T) {
	for content, want := range map[string]string{"1.82.0": "1.82.0-bookworm", "stable": "1-bookworm", "nightly-2025-01-01": "1-bookworm", "1.60": "1-bookworm",
		"[toolchain]\nchannel = \"1.85\"\n": "1.85-bookworm"} {
		p := mustDetect(t, tree("Cargo.toml", "[package]\nname = \"a\"\n", "src/main.rs", "fn main() {}", "rust-toolchain", content), Options{})
		if p.BuildImage != "docker.io/library/rust:"+want {
			t.Errorf("%q: got %s", content, p.BuildImage)
		}
	}
}

func TestElixirRequirementsResolveToTheNewestMinorThatSatisfies(t *testing.T) {
	for wanted, want := range map[string]string{"~> 1.15": "1.19", "~> 1.15.3": "1.15", "1.16.2-otp-26": "1.16", ">= 1.14.0 and < 1.17.0": "1.16", "~> 1.14.0 or ~> 1.16.0": "1.16",
		"== 1.17.1": "1.17", "~> 1.12": "1.19", "~> 1.12.0": "", "1.18.4": "1.18", "ref:main": "", "": ""} {
		if got := resolveElixir(wanted); got != want {
			t.Errorf("%q: got %q, want %q", wanted, got, want)
		}
	}
}

func TestDenoVersionsAreThoseThatHaveImages(t *testing.T) {
	for wanted, want := range map[string]string{"2.5.6": "2.5.6", "v2.1.4": "2.1.4", "2": "2", "^2.1.0": "2", "1": newestDeno1, "1.46": newestDeno1, "2.3": "2.3.0", "latest": "2", "3": "", "x": ""} {
		if got := resolveDeno(wanted); got != want {
			t.Errorf("%q: got %q, want %q", wanted, got, want)
		}
	}
}

func TestDotnetKeepsToTheSDKThatGlobalJSONPins(t *testing.T) {
	for sdk, want := range map[string]string{
		`{"version":"8.0.404"}`: "8.0.404", `{"version":"8.0.404","rollForward":"latestFeature"}`: "8.0", `{"version":"8.0.404","rollForward":"latestMajor"}`: "9.0",
		`{"version":"8.0.404","rollForward":"disable"}`: "8.0.404", `{}`: "9.0"} {
		p := mustDetect(t, tree("a.csproj", `<Project Sdk="Microsoft.NET.Sdk.Web"><PropertyGroup><TargetFramework>net9.0</TargetFramework></PropertyGroup></Project>`,
			"global.json", `{"sdk":`+sdk+`}`), Options{})
		if p.BuildImage != "mcr.microsoft.com/dotnet/sdk:"+want || p.RunImage != "mcr.microsoft.com/dotnet/aspnet:9.0" {
			t.Errorf("%s: got %s and %s", sdk, p.BuildImage, p.RunImage)
		}
	}
}

func TestAnUnknownTargetFrameworkIsRefusedWithThoseThatAreOffered(t *testing.T) {
	_, err := Detect(tree("a.csproj", `<Project Sdk="Microsoft.NET.Sdk.Web"><PropertyGroup><TargetFramework>net48</TargetFramework></PropertyGroup></Project>`), Options{})
	var version *VersionError
	if !errors.As(err, &version) || !strings.Contains(err.Error(), "10.0, 9.0, 8.0") {
		t.Errorf("got %v", err)
	}
}

func TestBunRunsWhatCallsItAndNodeTheRest(t *testing.T) {
	lock := []string{"bun.lock", "{}"}
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"a script that calls bun":           {[]string{"package.json", `{"scripts":{"start":"bun run index.ts"}}`}, "bun"},
		"a script that calls node":          {append(lock, "package.json", `{"scripts":{"start":"node index.js"}}`, "index.js", ""), "node"},
		"TypeScript without a script":       {append(lock, "package.json", `{"module":"index.ts"}`, "index.ts", ""), "bun"},
		"JavaScript without a script":       {append(lock, "package.json", `{}`, "index.js", ""), "node"},
		"a site":                            {append(lock, "package.json", `{"scripts":{"build":"vite build"},"devDependencies":{"vite":"7"}}`, "src/main.ts", ""), "node"},
		"a framework with a server":         {append(lock, "package.json", `{"scripts":{"build":"next build","start":"next start"},"dependencies":{"next":"15"}}`), "node"},
		"TypeScript without Bun's lock":     {[]string{"package.json", `{"scripts":{"start":"node --import tsx index.ts"}}`, "index.ts", ""}, "node"},
		"a Procfile that calls bun":         {append(lock, "package.json", `{}`, "Procfile", "web: bun start.ts"), "bun"},
		"a start script through bun itself": {append(lock, "package.json", `{"scripts":{"start":"bun serve","serve":"node a.js"}}`), "node"},
	} {
		t.Run(name, func(t *testing.T) {
			if p := mustDetect(t, tree(c.files...), Options{}); p.Language != c.want {
				t.Errorf("got %s, start %q", p.Language, p.Start)
			}
		})
	}
}

func TestAScriptIsRunByTheShellItAsksFor(t *testing.T) {
	for script, want := range map[string]string{"#!/bin/sh\nx": "exec sh start.sh", "#!/usr/bin/env bash\nx": "exec bash start.sh", "x": "exec sh start.sh"} {
		if p := mustDetect(t, tree("start.sh", script), Options{}); p.Start != want || p.RunImage != debianImage {
			t.Errorf("%q: got %q in %s", script, p.Start, p.RunImage)
		}
	}
}

func TestPortsThatCodeFixesAreFound(t *testing.T) {
	for code, want := range map[string]int{
		"app.listen(3000)": 3000, "const port = 3000": 3000, "port := 4000": 4000, `http.ListenAndServe(":9090", nil)`: 9090, `bind("0.0.0.0:3000")`: 3000,
		`.bind(("0.0.0.0", 7000))`: 7000, "run(([0, 0, 0, 0], 3030))": 3030, "serve({ port: 5000 })": 5000, "app.start(7070);": 7070, "port(4567);": 4567,
		"const port = process.env.PORT || 3000": 0, `os.Getenv("PORT"); ":9090"`: 0, "// app.listen(3000)": 0, "app.listen(8080)": 0, "x.listen(path)": 0,
		`bind("127.0.0.1:3000")`: 0, "support = 3000": 0, "report(3000)": 0, "db({ port: 5432 }); app.listen(3000)": 3000, "redis({port: 6379})": 0, "app.listen(process.env.port ?? 3000)": 3000, "app.listen(process.env.PORT ?? 3000)": 0,
	} {
		p := &Plan{}
		source{tree("a.ts", code)}.listenHint(p, ".", ".ts")
		if p.Port != want {
			t.Errorf("%s: got %d, want %d", code, p.Port, want)
		}
		if loopback := strings.Contains(code, "127.0.0.1"); loopback != (len(p.Warnings) == 1) {
			t.Errorf("%s: warnings %q", code, p.Warnings)
		}
	}
}

func TestOfSeveralPortsNoneIsTaken(t *testing.T) {
	p := &Plan{}
	source{tree("a.go", `serve(":3000")`, "metrics/b.go", `serve(":9090")`)}.listenHint(p, ".", ".go")
	if p.Port != 0 || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "3000 in a.go, 9090 in metrics/b.go") {
		t.Errorf("got port %d, warnings %q", p.Port, p.Warnings)
	}
}

func TestModulesFromWhereTheSourceIsFromAreTakenForPrivate(t *testing.T) {
	for module, want := range map[string]int{"git.example.com/a/web": 1, "github.com/a/web": 0, "web": 0} {
		host, _, _ := strings.Cut(module, "/")
		p := mustDetect(t, tree("go.mod", "module "+module+"\n\nrequire "+host+"/a/core v1.0.0\n", "main.go", helloGo), Options{})
		if len(p.Warnings) != want {
			t.Errorf("%s: got %q", module, p.Warnings)
		}
	}
}

func TestAnAppJSONGivesDefaultsAndSaysWhatIsToBeSet(t *testing.T) {
	files := tree("index.html", "", "app.json", `{"env":{"A":"1","B":{"value":"2"},"S":{"generator":"secret"},"R":{"description":"needed"},"O":{"required":false},"PATH":"/x"}}`)
	p := mustDetect(t, files, Options{})
	if p.Env["A"] != "1" || p.Env["B"] != "2" || p.Env["PATH"] != systemPath || p.Env["S"] != "" {
		t.Errorf("got %v", p.Env)
	}
	text := strings.Join(p.Warnings, "\n")
	for _, want := range []string{"set-secret S=$(openssl rand -hex 32)", "wants R (needed): csph services set-env R=VALUE", "PATH is set by the platform"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
	if strings.Contains(text, " O") {
		t.Errorf("O is optional: %q", text)
	}
	files["app.json"] = tree("x", `{"expo":{"name":"x"},"env":[]}`)["x"]
	mustDetect(t, files, Options{})
	files["app.json"] = tree("x", "{\n\"env\": {\"A B\":\"1\"}}")["x"]
	var syntax *SyntaxError
	if _, err := Detect(files, Options{}); !errors.As(err, &syntax) || syntax.File != "app.json" {
		t.Errorf("got %v", err)
	}
}

func FuzzParseAppJSON(f *testing.F) {
	f.Add([]byte(`{"env":{"A":"1","B":{"value":"2","required":false}},"formation":{"web":{"quantity":1,"size":"x"}}}`))
	f.Add([]byte(`{"env":{"A":null,"B":{"generator":1}}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		app, err := ParseAppJSON(content)
		if err != nil {
			return
		}
		p := &Plan{}
		app.apply(p)
		for name, value := range p.Env {
			if !variableName.MatchString(name) || strings.ContainsRune(value, 0) || slices.Contains(systemVariables, name) {
				t.Fatalf("%q=%q became a variable", name, value)
			}
		}
	})
}

func FuzzPlainJSON(f *testing.F) {
	f.Add([]byte("{\n// c\n\"a\": \"//x\", /* */ \"b\": [1, 2,],}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if json.Valid(content) && !json.Valid(plainJSON(content)) {
			t.Fatalf("%q is JSON, and %q is not", content, plainJSON(content))
		}
	})
}
