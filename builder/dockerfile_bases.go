package builder

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"csph/platform"
)

// dockerfileBases has every base image of the Dockerfile made ready. Images of which there is neither a
// stand-in nor a registry are left for BuildKit to miss.
func (s *solve) dockerfileBases(ctx context.Context) error {
	content, err := os.ReadFile(filepath.Join(s.request.Dir, s.request.Plan.Dockerfile))
	if err != nil {
		return fmt.Errorf("read the Dockerfile: %w", err)
	}
	names, err := imagesOf(content, s.request.Env, s.contexts)
	if err != nil {
		return &platform.Failure{
			Reason: platform.BuildFailed, Err: err, Message: fmt.Sprintf("%s cannot be read: %v", s.request.Plan.Dockerfile, err),
			Hint: "correct the line that is named; docker build says the same",
		}
	}
	for _, name := range names {
		if _, err := s.base(ctx, name); err != nil {
			return err
		}
	}
	s.fickle = addsFromNetwork.Match(content)
	return nil
}

// addsFromNetwork finds an ADD that downloads: what it brings may change while the Dockerfile does not.
var addsFromNetwork = regexp.MustCompile(`(?im)^\s*ADD\s.*(://|git@)`)

// imagesOf lists the images that a Dockerfile starts stages or copies from, by their full names, in order.
// args are the build arguments, contexts the attributes of further build contexts.
func imagesOf(dockerfile []byte, args, contexts map[string]string) ([]string, error) {
	ast, err := parser.Parse(bytes.NewReader(dockerfile))
	if err != nil {
		return nil, err
	}
	stages, metaArgs, err := instructions.Parse(ast.AST, linter.New(&linter.Config{Warn: func(string, string, string, string, []parser.Range) {}}))
	if err != nil {
		return nil, err
	}
	lex := shell.NewLex(ast.EscapeToken)
	env := globalArgs(lex, metaArgs, args)
	var names []string
	known := map[string]bool{"scratch": true}
	for attr := range contexts {
		known[strings.TrimPrefix(attr, "context:")] = true
	}
	add := func(name string) error {
		full, _, err := lex.ProcessWord(name, env)
		if err != nil {
			return err
		}
		if known[strings.ToLower(full)] {
			return nil
		}
		ref, err := reference.ParseNormalizedNamed(full)
		if err != nil {
			return fmt.Errorf("image %q: %w", full, err)
		}
		if n := reference.TagNameOnly(ref).String(); !slices.Contains(names, n) {
			names = append(names, n)
		}
		return nil
	}
	for i, st := range stages {
		if err := add(st.BaseName); err != nil {
			return nil, err
		}
		for _, c := range st.Commands {
			if cp, ok := c.(*instructions.CopyCommand); ok && cp.From != "" && !known[strings.ToLower(cp.From)] {
				if err := add(cp.From); err != nil {
					return nil, err
				}
			}
		}
		known[strconv.Itoa(i)], known[strings.ToLower(st.Name)] = true, true
	}
	return names, nil
}

// globalArgs are the ARGs before the first FROM, overridden by the build's own, and BuildKit's platform ones.
func globalArgs(lex *shell.Lex, metaArgs []instructions.ArgCommand, args map[string]string) shell.EnvGetter {
	set := []string{"TARGETPLATFORM=linux/amd64", "TARGETOS=linux", "TARGETARCH=amd64", "BUILDPLATFORM=linux/amd64", "BUILDOS=linux", "BUILDARCH=amd64"}
	for _, cmd := range metaArgs {
		for _, a := range cmd.Args {
			v, ok := args[a.Key]
			if !ok && a.Value != nil {
				if expanded, _, err := lex.ProcessWord(*a.Value, shell.EnvsFromSlice(set)); err == nil {
					v, ok = expanded, true
				}
			}
			if ok {
				set = append(set, a.Key+"="+v)
			}
		}
	}
	return shell.EnvsFromSlice(set)
}
