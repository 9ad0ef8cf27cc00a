package buildpacks

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// offeredDotnet are the .NET releases that have images, newest first.
var offeredDotnet = []string{"10.0", "9.0", "8.0"}

// dotnetCaches are kept between builds.
var dotnetCaches = []string{"/root/.nuget/packages"}

// detectDotnet plans a .NET source: restore, publish one project, run it on the runtime it needs.
func detectDotnet(j job) (*Plan, error) {
	d, err := readDotnet(j)
	if d == nil || err != nil {
		return nil, err
	}
	p := &Plan{Language: "dotnet", PackageManager: "nuget", User: runUser}
	p.decide(".NET", "there is a "+d.shownBy, "add a Dockerfile")
	why, err := d.chooseProject()
	if err != nil {
		return nil, err
	}
	p.decide("project "+d.app.file, why, "give --dir FOLDER, or name the service like the project")
	if err := p.chooseDotnet(d); err != nil {
		return nil, err
	}
	p.BuildEnv = buildEnv("", map[string]string{"DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_NOLOGO": "1", "DOTNET_SKIP_FIRST_TIME_EXPERIENCE": "1"})
	d.steps(p)
	if err := d.bringFrontend(p); err != nil {
		return nil, err
	}
	if d.app.sdk() == blazorSDK {
		p.Framework = "blazor"
		p.serve(site{root: jvmFolder + "/wwwroot", singlePage: true, immutable: []string{"/_framework/"}})
		return p, nil
	}
	d.run(p)
	return p, nil
}

const (
	webSDK    = "Microsoft.NET.Sdk.Web"
	workerSDK = "Microsoft.NET.Sdk.Worker"
	blazorSDK = "Microsoft.NET.Sdk.BlazorWebAssembly"
)

// targetFramework finds the release in net8.0, net9.0-windows, netcoreapp3.1.
var targetFramework = regexp.MustCompile(`^net(?:coreapp)?([0-9]+)\.([0-9]+)`)

// chooseDotnet takes the release of the target framework. Releases out of support run on the oldest that is offered.
func (p *Plan) chooseDotnet(d *dotnet) error {
	const override = "set TargetFramework in the project, or sdk.version in global.json"
	wanted, source := d.framework()
	p.Version = Version{Wanted: wanted, Source: source}
	m := targetFramework.FindStringSubmatch(wanted)
	if m == nil {
		return &VersionError{Language: ".NET", Wanted: wanted, Source: source, Offered: offeredDotnet}
	}
	release := m[1] + "." + m[2]
	oldest := offeredDotnet[len(offeredDotnet)-1]
	switch major, _ := strconv.Atoi(m[1]); {
	case slices.Contains(offeredDotnet, release):
	case major < 8:
		p.warn("%s is out of support: it is built and run on .NET %s (DOTNET_ROLL_FORWARD=Major)", wanted, oldest)
		p.Version.Resolved, d.rollForward = oldest, true
		p.decide(".NET "+oldest, source+" says "+wanted+", which is out of support and has no images", override)
		return d.chooseSDK(p)
	default:
		return &VersionError{Language: ".NET", Wanted: wanted, Source: source, Offered: offeredDotnet}
	}
	p.Version.Resolved = release
	p.decide(".NET "+release, source+" says "+wanted, override)
	return d.chooseSDK(p)
}

// globalSDK finds the parts of an SDK version: 8.0.404.
var globalSDK = regexp.MustCompile(`^([0-9]+)\.([0-9]+)\.([0-9]{3})$`)

// chooseSDK takes the SDK of the release, or the one that global.json pins: its default policy admits no other
// feature band than the one it names.
func (d *dotnet) chooseSDK(p *Plan) error {
	p.BuildImage = "mcr.microsoft.com/dotnet/sdk:" + p.Version.Resolved
	var file struct {
		SDK struct {
			Version     string `json:"version"`
			RollForward string `json:"rollForward"`
		} `json:"sdk"`
	}
	text := comment.ReplaceAllString(d.text("global.json"), "")
	if json.Unmarshal([]byte(text), &file) != nil || file.SDK.Version == "" {
		return nil
	}
	m := globalSDK.FindStringSubmatch(file.SDK.Version)
	if m == nil {
		return &VersionError{Language: ".NET SDK", Wanted: file.SDK.Version, Source: "global.json sdk.version", Offered: []string{"8.0.404", "and other released versions of three numbers"}}
	}
	tag := file.SDK.Version
	if strings.HasSuffix(strings.ToLower(file.SDK.RollForward), "feature") {
		tag = m[1] + "." + m[2]
	}
	if policy := strings.ToLower(file.SDK.RollForward); strings.HasSuffix(policy, "minor") || strings.HasSuffix(policy, "major") {
		return nil
	}
	p.BuildImage = "mcr.microsoft.com/dotnet/sdk:" + tag
	p.decide("SDK "+tag, "sdk.version in global.json says "+file.SDK.Version, "change global.json, or set rollForward to latestMajor")
	return nil
}

// steps restore with nothing of the source but manifests, then publish.
func (d *dotnet) steps(p *Plan) {
	project := shellQuote(d.app.file)
	p.Steps = []Step{{Name: "restore packages", Command: "dotnet restore " + project, Inputs: d.manifests(), Caches: dotnetCaches}}
	build := "dotnet publish " + project + " --configuration Release --output " + jvmFolder
	if d.app.sdk() != blazorSDK {
		build += " -p:UseAppHost=false"
	}
	if d.options.Build != "" {
		build = d.options.Build
	}
	p.decide("build: "+build, choose(d.options.Build != "", "--build was given", "publish makes a folder with all that runs"), "--build 'CMD'")
	p.Steps = append(p.Steps, Step{Name: "publish", Command: build, Caches: dotnetCaches})
	p.Copy = []Copy{{From: jvmFolder, To: appFolder}}
	if d.options.Build != "" {
		p.Copy = []Copy{{From: appFolder, To: appFolder, Exclude: []string{".git", "**/obj", "**/*.cs"}}}
	}
}

// bringFrontend brings Node.js where publishing the project builds a frontend with it.
func (d *dotnet) bringFrontend(p *Plan) error {
	why, folders := d.app.frontend()
	if why == "" {
		return nil
	}
	version := Version{Resolved: defaultNode}
	for _, dir := range folders {
		content, ok, err := d.read(path.Join(dir, "package.json"))
		if err != nil || !ok {
			continue
		}
		pkg, err := parsePackageJSON(path.Join(dir, "package.json"), content)
		if err != nil {
			return err
		}
		if asked := nodeVersion(d.source, pkg); asked.Source != "" {
			version = asked
			version.Resolved = resolveNode(asked.Wanted)
		}
		break
	}
	if version.Resolved == "" {
		return &VersionError{Language: "Node.js", Wanted: version.Wanted, Source: version.Source, Offered: offeredNode}
	}
	p.bringNode(version.Resolved)
	p.BuildEnv["PATH"] = nodeFolder + "/bin:" + p.BuildEnv["PATH"]
	p.decide("Node.js "+version.Resolved+" while building", path.Base(d.app.file)+": "+why, "set engines.node in the frontend's package.json")
	for i := range p.Steps {
		p.Steps[i].Caches = append(slices.Clone(p.Steps[i].Caches), "/root/.npm")
	}
	return nil
}

// run starts the published assembly on ASP.NET Core's image, or on the runtime alone.
func (d *dotnet) run(p *Plan) {
	image := "runtime"
	p.Start = "exec dotnet " + shellQuote(d.app.assembly()+".dll")
	switch d.app.sdk() {
	case webSDK:
		image, p.Framework = "aspnet", "aspnetcore"
		p.Start = "exec env ASPNETCORE_HTTP_PORTS=${PORT:-8080} dotnet " + shellQuote(d.app.assembly()+".dll")
	case workerSDK:
		p.Framework = "worker"
		fallthrough
	default:
		if d.usesASPNET() {
			image = "aspnet"
		}
		p.warn("%s serves nothing by itself: make the service a worker, or give it a web server", path.Base(d.app.file))
	}
	p.RunImage = "mcr.microsoft.com/dotnet/" + image + ":" + p.Version.Resolved
	env := map[string]string{"DOTNET_RUNNING_IN_CONTAINER": "true", "DOTNET_EnableDiagnostics": "0", "ASPNETCORE_ENVIRONMENT": "Production"}
	if d.rollForward {
		env["DOTNET_ROLL_FORWARD"] = "Major"
	}
	p.Env = runEnv("", env)
	p.decide("start: "+p.Start, "it is what "+path.Base(d.app.file)+" is published as", "add a Procfile with `web: COMMAND`, or --run 'CMD'")
}

// manifests are what a restore reads, of all projects.
func (d *dotnet) manifests() []string {
	names := d.present("global.json", "NuGet.config", "nuget.config", "NuGet.Config", "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "paket.dependencies", "paket.lock")
	for _, p := range d.projects {
		names = append(names, p.file)
		names = append(names, d.present(path.Join(path.Dir(p.file), "packages.lock.json"))...)
	}
	return names
}
