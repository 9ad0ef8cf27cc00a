package buildpacks

import (
	"path"
	"slices"
	"strings"
)

// dotnet is a .NET source: its projects, and the one to run.
type dotnet struct {
	job
	projects    []dotnetProject // sorted by file
	app         dotnetProject
	shownBy     string
	rollForward bool
}

type dotnetProject struct {
	file string // "src/Web/Web.csproj"
	xml  dotnetXML
}

// dotnetXML is what a plan needs of a project file.
type dotnetXML struct {
	SDK    string `xml:"Sdk,attr"`
	Groups []struct {
		TargetFramework  string `xml:"TargetFramework"`
		TargetFrameworks string `xml:"TargetFrameworks"`
		OutputType       string `xml:"OutputType"`
		AssemblyName     string `xml:"AssemblyName"`
		IsTestProject    string `xml:"IsTestProject"`
		SpaRoot          string `xml:"SpaRoot"`
	} `xml:"PropertyGroup"`
	Items []struct {
		Packages   []dotnetReference `xml:"PackageReference"`
		Frameworks []dotnetReference `xml:"FrameworkReference"`
		Projects   []dotnetReference `xml:"ProjectReference"`
	} `xml:"ItemGroup"`
	Commands []struct {
		Command string `xml:"Command,attr"`
	} `xml:"Target>Exec"`
}

type dotnetReference struct {
	Include string `xml:"Include,attr"`
}

// dotnetDepth bounds how deep projects are looked for.
const dotnetDepth = 4

// projectExtensions are those of C#, F# and Visual Basic projects.
var projectExtensions = []string{".csproj", ".fsproj", ".vbproj"}

// readDotnet finds a solution or a project at the root, and every project below it; nil where there is neither.
func readDotnet(j job) (*dotnet, error) {
	d := &dotnet{job: j}
	for _, name := range j.list(".") {
		if slices.Contains([]string{".sln", ".slnx", ".csproj", ".fsproj", ".vbproj"}, path.Ext(name)) {
			d.shownBy = name + " at the root of the source"
			break
		}
	}
	if d.shownBy == "" {
		return nil, nil
	}
	var files []string
	shallow := func(dir string) bool {
		return depth(dir) < dotnetDepth && path.Base(dir) != "bin" && path.Base(dir) != "obj"
	}
	j.walk(".", shallow, func(name string) bool {
		if slices.Contains(projectExtensions, path.Ext(name)) {
			files = append(files, name)
		}
		return len(files) < maxMembers
	})
	slices.Sort(files)
	for _, file := range files {
		project := dotnetProject{file: file}
		content, _, err := j.read(file)
		if err != nil {
			return nil, err
		}
		if err := decodeXML(content, &project.xml); err != nil {
			return nil, xmlSyntax(file, err, "run `dotnet build` to see what is wrong")
		}
		d.projects = append(d.projects, project)
	}
	return d, nil
}

func (p dotnetProject) sdk() string {
	sdk, _, _ := strings.Cut(p.xml.SDK, "/")
	if sdk == blazorSDK && p.packaged("Microsoft.AspNetCore.Components.WebAssembly.Server") {
		return webSDK
	}
	return sdk
}

func (p dotnetProject) packaged(name string) bool {
	for _, items := range p.xml.Items {
		if slices.Contains(items.Packages, dotnetReference{name}) {
			return true
		}
	}
	return false
}

// property is the first value of a property that holds no reference to others.
func (p dotnetProject) property(of func(i int) string) string {
	for i := range p.xml.Groups {
		if v := strings.TrimSpace(of(i)); v != "" && !strings.Contains(v, "$(") {
			return v
		}
	}
	return ""
}

// assembly is the name of what is built, without its extension.
func (p dotnetProject) assembly() string {
	if name := p.property(func(i int) string { return p.xml.Groups[i].AssemblyName }); name != "" {
		return name
	}
	return strings.TrimSuffix(path.Base(p.file), path.Ext(p.file))
}

// executable tells programs from libraries and tests.
func (p dotnetProject) executable() bool {
	for _, name := range []string{"Microsoft.NET.Test.Sdk", "xunit", "NUnit", "MSTest"} {
		if p.packaged(name) {
			return false
		}
	}
	if strings.EqualFold(p.property(func(i int) string { return p.xml.Groups[i].IsTestProject }), "true") {
		return false
	}
	output := p.property(func(i int) string { return p.xml.Groups[i].OutputType })
	return p.rank() < consoleRank || strings.EqualFold(output, "exe")
}

const consoleRank = 3

// rank orders kinds of projects: what serves comes first.
func (p dotnetProject) rank() int {
	switch p.sdk() {
	case webSDK:
		return 0
	case blazorSDK:
		return 1
	case workerSDK:
		return 2
	}
	return consoleRank
}

// chooseProject finds the project to run: the only program, or the only one of those that serve.
func (d *dotnet) chooseProject() (why string, err error) {
	programs := slices.DeleteFunc(slices.Clone(d.projects), func(p dotnetProject) bool {
		return !p.executable() || d.options.Dir != "" && path.Dir(p.file) != d.options.Dir
	})
	if len(programs) == 0 {
		return "", &IncompleteError{Language: ".NET", Missing: "no project is a program: none has the SDK " + webSDK + " or " + workerSDK + ", or OutputType Exe",
			Advice: "add a project that starts something, or add a Dockerfile"}
	}
	for _, p := range programs {
		if service := d.options.Service; service != "" && (strings.EqualFold(p.assembly(), service) || strings.EqualFold(path.Base(path.Dir(p.file)), service)) {
			d.app = p
			return "it is named like the service", nil
		}
	}
	slices.SortStableFunc(programs, func(a, b dotnetProject) int { return a.rank() - b.rank() })
	best := slices.DeleteFunc(slices.Clone(programs), func(p dotnetProject) bool { return p.rank() != programs[0].rank() })
	if len(best) == 1 {
		d.app = best[0]
		return choose(len(programs) == 1, "it is the only program", "of several programs, it is the one that serves"), nil
	}
	dirs := make([]string, len(best))
	for i, p := range best {
		dirs[i] = path.Dir(p.file)
	}
	return "", ambiguousFolders("projects", dirs)
}

// framework is the target framework of the project to run, or of Directory.Build.props; the newest of several.
func (d *dotnet) framework() (wanted, source string) {
	var props dotnetProject
	for _, p := range []dotnetProject{d.app, props} {
		source = p.file
		if p.file == "" {
			source = "Directory.Build.props"
			if decodeXML([]byte(d.text(source)), &p.xml) != nil {
				continue
			}
		}
		if v := p.property(func(i int) string { return p.xml.Groups[i].TargetFramework }); v != "" {
			return v, source + " TargetFramework"
		}
		if v := p.property(func(i int) string { return p.xml.Groups[i].TargetFrameworks }); v != "" {
			all := strings.Split(v, ";")
			slices.Sort(all)
			return all[len(all)-1], source + " TargetFrameworks"
		}
	}
	return "", d.app.file + " TargetFramework"
}

// frontend says what of the project calls Node.js, and the folders whose package.json may say which: commands of its
// targets, or a JavaScript project that it refers to. "" is nothing.
func (p dotnetProject) frontend() (why string, folders []string) {
	for _, groups := range p.xml.Groups {
		if root := strings.ReplaceAll(groups.SpaRoot, `\`, "/"); root != "" && !strings.Contains(root, "$") {
			folders = append(folders, path.Join(path.Dir(p.file), root))
		}
	}
	for _, items := range p.xml.Items {
		for _, project := range items.Projects {
			if file := strings.ReplaceAll(project.Include, `\`, "/"); path.Ext(file) == ".esproj" {
				return "it refers to " + path.Base(file), append(folders, path.Join(path.Dir(p.file), path.Dir(file)))
			}
		}
	}
	for _, exec := range p.xml.Commands {
		switch name := firstWord(exec.Command); name {
		case "npm", "npx", "yarn", "pnpm", "node":
			return "a target of it calls " + name, append(folders, path.Dir(p.file))
		}
	}
	return "", nil
}

// usesASPNET tells whether a program that is no web project needs ASP.NET Core's libraries.
func (d *dotnet) usesASPNET() bool {
	for _, items := range d.app.xml.Items {
		if slices.Contains(items.Frameworks, dotnetReference{"Microsoft.AspNetCore.App"}) {
			return true
		}
	}
	return false
}
