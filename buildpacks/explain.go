package buildpacks

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Title is the plan in a few words, for the first line of a build: "Node.js 22 · next · pnpm".
func (p *Plan) Title() string {
	parts := []string{strings.TrimSpace(languageName(p.Language) + " " + p.Version.Resolved)}
	for _, part := range []string{p.Framework, p.PackageManager} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " · ")
}

// Explain writes the plan for people: each decision with its reason and how to override it, the steps, and
// what ends up in the run image.
func (p *Plan) Explain(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", p.Title())
	for _, d := range p.Decisions {
		fmt.Fprintf(&b, "  %s\n      because %s\n", d.What, d.Why)
		if d.Override != "" {
			fmt.Fprintf(&b, "      to change: %s\n", d.Override)
		}
	}
	p.explainBuild(&b)
	for _, warning := range p.Warnings {
		fmt.Fprintf(&b, "\nWarning: %s\n", warning)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write explanation: %w", err)
	}
	return nil
}

func (p *Plan) explainBuild(b *strings.Builder) {
	if p.Dockerfile != "" {
		fmt.Fprintf(b, "\nBuild  %s\n", p.Dockerfile)
	}
	if len(p.Steps) > 0 {
		fmt.Fprintf(b, "\nBuild in %s\n", p.BuildImage)
		explainSteps(b, p.Steps)
	}
	p.explainZerops(b)
	if p.RunImage != "" {
		fmt.Fprintf(b, "\nRun in %s\n", p.RunImage)
		explainSteps(b, p.RunSteps)
	}
	fmt.Fprintf(b, "\nStart  %s\n", cmp.Or(p.Start, p.withoutStart()))
	if p.Release != "" {
		fmt.Fprintf(b, "Release  %s\n", p.Release)
	}
	for _, process := range slices.Sorted(maps.Keys(p.Processes)) {
		if process != "web" && process != "release" {
			fmt.Fprintf(b, "Process %s  %s\n", process, p.Processes[process])
		}
	}
}

func explainSteps(b *strings.Builder, steps []Step) {
	for i, step := range steps {
		fmt.Fprintf(b, "  %d. %s: %s\n", i+1, step.Name, firstLine(step.Command))
	}
}

// withoutStart says what a plan without a start command starts.
func (p *Plan) withoutStart() string {
	if p.Site != nil {
		return "csph's file server, on " + p.Site.Root
	}
	return "the image's own command"
}

func firstLine(command string) string {
	line, rest, _ := strings.Cut(command, "\n")
	if rest != "" {
		line += " …"
	}
	return line
}

// languageNames are the languages as people write them.
var languageNames = map[string]string{
	"go": "Go", "node": "Node.js", "static": "Static site", "dockerfile": "Dockerfile", "shell": "Shell",
	"python": "Python", "ruby": "Ruby", "php": "PHP",
	"java": "Java", "kotlin": "Kotlin", "scala": "Scala", "clojure": "Clojure", "rust": "Rust", "dotnet": ".NET",
	"elixir": "Elixir", "deno": "Deno", "bun": "Bun",
}

func languageName(language string) string { return cmp.Or(languageNames[language], language) }

func (p *Plan) decide(what, why, override string) {
	p.Decisions = append(p.Decisions, Decision{What: what, Why: why, Override: override})
}

func (p *Plan) warn(format string, args ...any) {
	p.Warnings = append(p.Warnings, fmt.Sprintf(format, args...))
}
