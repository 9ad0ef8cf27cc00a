package buildpacks

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

const (
	denoCache = "/opt/deno" // DENO_DIR, in both containers
	denoPort  = 8000        // where Deno.serve listens unless told otherwise
)

// newestDeno1 is the last release of Deno 1.
const newestDeno1 = "1.46.3"

// denoConfig is what a plan needs of deno.json.
type denoConfig struct {
	Tasks   map[string]denoTask `json:"tasks"`
	Imports looseStrings        `json:"imports"`
}

// denoTask is a command, or an object with one.
type denoTask string

func (t *denoTask) UnmarshalJSON(b []byte) error {
	var object struct {
		Command string `json:"command"`
	}
	var plain string
	if json.Unmarshal(b, &plain) == nil {
		*t = denoTask(plain)
	} else if json.Unmarshal(b, &object) == nil {
		*t = denoTask(object.Command)
	}
	return nil
}

// denoEntries are looked for in this order where no task says what to start.
var denoEntries = []string{"main.ts", "server.ts", "mod.ts", "index.ts", "app.ts", "main.js", "server.js", "src/main.ts", "src/server.ts", "src/index.ts", "main.tsx"}

// detectDeno plans a deno.json: cache dependencies, build where there is a task for it, run on Deno.
func detectDeno(j job) (*Plan, error) {
	file := j.first("deno.json", "deno.jsonc", "deno.lock")
	if file == "" {
		return nil, nil
	}
	config, err := readDenoConfig(j.source, file)
	if err != nil {
		return nil, err
	}
	p := &Plan{Language: "deno", PackageManager: "deno", User: runUser}
	p.decide("Deno", "there is a "+file+" at the root of the source", "add a Dockerfile")
	if err := p.chooseDeno(j.source); err != nil {
		return nil, err
	}
	p.BuildEnv = buildEnv("", map[string]string{"DENO_DIR": denoCache, "DENO_NO_UPDATE_CHECK": "1", "DENO_NO_PROMPT": "1"})
	p.Env = runEnv("", map[string]string{"DENO_DIR": denoCache, "DENO_NO_UPDATE_CHECK": "1", "DENO_NO_PROMPT": "1"})
	if j.first("_config.ts", "_config.js") != "" && config.Tasks["start"] == "" && j.first(denoEntries...) == "" {
		j.planLume(p, config)
		return p, nil
	}
	if err := j.startDeno(p, config); err != nil {
		return nil, err
	}
	j.denoSteps(p, config)
	return p, nil
}

// planLume builds the site that Lume makes, and serves it (https://lume.land/docs/advanced/deployment/).
func (j job) planLume(p *Plan, config denoConfig) {
	p.Framework = "lume"
	p.decide("framework lume", "there is a "+j.first("_config.ts", "_config.js")+", and nothing that serves", "")
	j.denoSteps(p, config)
	folder := safeFolder(setting(j.text(j.first("_config.ts", "_config.js")), "dest"), "_site")
	p.serve(site{root: appFolder + "/" + folder})
}

// readDenoConfig reads deno.json, which may hold comments; one that is no JSON is a *SyntaxError.
func readDenoConfig(s source, file string) (denoConfig, error) {
	var config denoConfig
	if file == "deno.lock" {
		return config, nil
	}
	content, _, err := s.read(file)
	if err != nil {
		return config, err
	}
	if err := json.Unmarshal(plainJSON(content), &config); err != nil {
		return config, &SyntaxError{File: file, Problem: err.Error(), Advice: "run `deno task` to see what is wrong"}
	}
	return config, nil
}

// chooseDeno: images have exact versions, and one that follows the newest.
func (p *Plan) chooseDeno(s source) error {
	const override = "add a .deno-version or .tool-versions"
	p.Version = Version{Resolved: "2", Source: "default"}
	tag, why := "debian", "nothing asks for a version; the newest is used"
	for _, file := range []string{".deno-version", ".dvmrc"} {
		if v := versionLine(s.text(file)); v != "" && p.Version.Wanted == "" {
			p.Version = Version{Wanted: v, Source: file}
		}
	}
	if v := s.toolVersion("deno"); p.Version.Wanted == "" && v.Source != "" {
		p.Version = v
	}
	if p.Version.Wanted != "" {
		if p.Version.Resolved = resolveDeno(p.Version.Wanted); p.Version.Resolved == "" {
			return &VersionError{Language: "Deno", Wanted: p.Version.Wanted, Source: p.Version.Source, Offered: []string{"2", "1", "any exact version, such as 2.5.6"}}
		}
		why = p.Version.Source + " says " + p.Version.Wanted
		if strings.Contains(p.Version.Resolved, ".") {
			tag = "debian-" + p.Version.Resolved
		}
	}
	p.BuildImage = "docker.io/denoland/deno:" + tag
	p.RunImage = p.BuildImage
	p.decide("Deno "+p.Version.Resolved, why, override)
	return nil
}

var denoVersion = regexp.MustCompile(`^[v^~]?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(\.x)?$`)

// resolveDeno is an exact version, or 2 for the newest; "" for what there is no image of.
func resolveDeno(wanted string) string {
	wanted = strings.TrimSpace(wanted)
	if wanted == "latest" || wanted == "lts" {
		return "2"
	}
	m := denoVersion.FindStringSubmatch(wanted)
	switch {
	case m == nil || m[1] != "1" && m[1] != "2":
		return ""
	case m[2] != "" && m[3] != "" && wanted[0] != '^':
		return m[1] + "." + m[2] + "." + m[3]
	case m[1] == "2" && (m[2] == "" || wanted[0] == '^'):
		return "2"
	case m[1] == "1" && (m[2] == "" || m[2] == "46" || wanted[0] == '^'):
		return newestDeno1
	}
	return m[1] + "." + m[2] + ".0"
}

// startDeno finds what to start: the start task, or the program's main file.
func (j job) startDeno(p *Plan, config denoConfig) error {
	entry := j.first(denoEntries...)
	fresh := config.Imports["$fresh/"] != "" || strings.Contains(config.Imports["fresh"]+config.Imports["@fresh/core"], "@fresh/core")
	if fresh {
		p.Framework = "fresh"
		p.decide("framework fresh", "imports in deno.json name it", "")
	}
	start, why := "", ""
	switch task := string(config.Tasks["start"]); {
	case fresh && config.Imports["$fresh/"] != "":
		// Fresh wants this to change with each version, and be the same for all of its processes (https://fresh.deno.dev/docs/concepts/deployment).
		start, why = "exec env DENO_DEPLOYMENT_ID=$CSPH_DEPLOYMENT deno run -A main.ts", "Fresh 1 serves what its build task made"
	case fresh:
		start, why = "exec env DENO_DEPLOYMENT_ID=$CSPH_DEPLOYMENT deno serve -A --host 0.0.0.0 --port ${PORT:-8080} _fresh/server.js", "Fresh serves what its build task made"
	case task != "" && !strings.Contains(task, "--watch"):
		start, why = "exec "+denoCommand(task), "the start task of deno.json"
	case entry != "" && exportsFetch.MatchString(j.text(entry)):
		start, why = "exec deno serve -A --host 0.0.0.0 --port ${PORT:-8080} "+entry, entry+" exports a fetch handler"
	case entry != "":
		start, why = "exec deno run -A "+entry, entry+" is there"
	case !j.startGiven():
		return &IncompleteError{Language: "Deno", Missing: "nothing says what to start: no start task, and none of " + strings.Join(denoEntries[:5], ", "),
			Advice: "add a start task to deno.json, a Procfile with `web: COMMAND`, or give --run 'CMD'"}
	}
	if p.Start = start; start != "" {
		p.decide("start: "+start, why, "the start task in deno.json, a Procfile with `web: COMMAND`, or --run 'CMD'")
	}
	j.denoListens(p, start)
	return nil
}

// exportsFetch finds `export default { fetch`, which deno serve serves.
var exportsFetch = regexp.MustCompile(`export\s+default\s*\{[^}]*\bfetch\b|satisfies\s+Deno\.ServeDefaultExport`)

// denoCommand is a task's command; what is more than one program, or calls other tasks, is left to deno task.
func denoCommand(task string) string {
	if !strings.HasPrefix(task, "deno ") || strings.HasPrefix(task, "deno task ") || strings.ContainsAny(task, "&|;$`<>") {
		return "deno task start"
	}
	return task
}

// denoListens tells programs that do not ask for PORT where to listen: Deno.serve takes the address of
// DENO_SERVE_ADDRESS where the code gives none.
func (j job) denoListens(p *Plan, start string) {
	if strings.Contains(start, "--port") || start == "" {
		return
	}
	if _, reads := j.listeners(".", []string{".ts", ".js", ".tsx"}); reads {
		return
	}
	p.Start = strings.Replace(start, "exec ", "exec env DENO_SERVE_ADDRESS=tcp:0.0.0.0:${PORT:-8080} ", 1)
	j.listenHint(p, ".", ".ts", ".js", ".tsx")
}

// denoSteps fetch dependencies into the image, since the run container has them from there.
func (j job) denoSteps(p *Plan, config denoConfig) {
	manifests := j.present("deno.json", "deno.jsonc", "deno.lock", "package.json", "import_map.json", "package-lock.json")
	if len(config.Imports) > 0 || j.isFile("package.json") {
		command := "deno install" + choose(j.isFile("deno.lock"), " --frozen", "")
		if !strings.HasPrefix(p.Version.Resolved, "1.") { // Deno 1 fetches them with the program below
			p.Steps = append(p.Steps, Step{Name: "install dependencies", Command: command, Inputs: manifests})
		}
	}
	build, why := "", ""
	if config.Tasks["build"] != "" {
		build, why = "deno task build", "the build task of deno.json"
	}
	if j.options.Build != "" {
		build, why = j.options.Build, "--build was given"
	}
	if build != "" {
		p.decide("build: "+build, why, "the build task in deno.json, or --build 'CMD'")
		p.Steps = append(p.Steps, Step{Name: "build", Command: build})
	}
	if entry := j.denoEntryOf(p.Start); entry != "" {
		p.Steps = append(p.Steps, Step{Name: "compile " + entry, Command: "deno cache " + entry})
	}
	p.Copy = []Copy{{From: denoCache, To: denoCache}, {From: appFolder, To: appFolder, Exclude: []string{".git"}}}
	if len(p.Steps) == 0 {
		p.Copy = p.Copy[1:]
	}
}

// denoEntryOf is the file of the source that a start command names, or "".
func (j job) denoEntryOf(start string) string {
	words := strings.Fields(start)
	i := slices.IndexFunc(words, func(w string) bool { return j.isFile(strings.TrimPrefix(w, "./")) })
	if i < 0 {
		return ""
	}
	return strings.TrimPrefix(words[i], "./")
}

var (
	jsonComment  = regexp.MustCompile(`("(?:\\.|[^"\\])*")|//[^\n]*|(?s:/\*.*?\*/)`)
	jsonTrailing = regexp.MustCompile(`("(?:\\.|[^"\\])*")|,(\s*[}\]])`)
)

// plainJSON is JSON without the comments and trailing commas that JSONC allows.
func plainJSON(content []byte) []byte {
	return jsonTrailing.ReplaceAll(jsonComment.ReplaceAll(content, []byte("$1")), []byte("$1$2"))
}
