package builder

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"sync"
)

// bases holds the recipes of stand-ins: recipes.json says which image names each Dockerfile makes.
//
//go:embed bases
var recipeFiles embed.FS

// recipe makes stand-ins for the official images whose names match Image.
type recipe struct {
	// Image matches the name without registry, library/ left out; its first group, if any, is the version.
	Image string `json:"image"`
	// Name is the stand-in's usual name, the version in it written N.
	Name       string `json:"name"`
	Dockerfile string `json:"dockerfile"`
	// Fetch says what the host brings: "debian" (a root file system by mmdebstrap), "go" (a toolchain),
	// "node" (the npm packages that hold Node.js and its package managers), "bun", "deno" (theirs), or nothing.
	Fetch string `json:"fetch,omitempty"`
	// Language and Version are what plans call the one version there is a stand-in of; empty where there are all.
	Language string `json:"language,omitempty"`
	Version  string `json:"version,omitempty"`

	pattern *regexp.Regexp
	content []byte
}

// archive is the file that holds the stand-in of version, whichever of its names it was asked for by.
func (r recipe) archive(version string) string {
	name := strings.Replace(r.Name, ":N", ":"+version, 1)
	return strings.NewReplacer("/", "_", ":", "_").Replace(name) + "-" + r.revision() + ".tar"
}

// revision changes when the recipe does.
func (r recipe) revision() string {
	sum := sha256.Sum256([]byte(r.Fetch + "\n" + string(r.content)))
	return hex.EncodeToString(sum[:6])
}

// recipes are all recipes; the files are part of the program, so that one that cannot be read is a
// mistake of ours.
var recipes = sync.OnceValue(func() []recipe {
	all, err := readRecipes(recipeFiles)
	if err != nil {
		panic(err)
	}
	return all
})

func readRecipes(files fs.FS) ([]recipe, error) {
	b, err := fs.ReadFile(files, "bases/recipes.json")
	if err != nil {
		return nil, fmt.Errorf("read the recipes of base images: %w", err)
	}
	var all []recipe
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("read the recipes of base images: %w", err)
	}
	for i := range all {
		if all[i].pattern, err = regexp.Compile("^docker.io/(?:library/)?(?:" + all[i].Image + ")$"); err != nil {
			return nil, fmt.Errorf("read the recipe of %s: %w", all[i].Name, err)
		}
		if all[i].content, err = fs.ReadFile(files, "bases/"+all[i].Dockerfile); err != nil {
			return nil, fmt.Errorf("read the recipe of %s: %w", all[i].Name, err)
		}
	}
	return all, nil
}

// findRecipe returns the recipe for an image, by its full name, and the version in the name.
func findRecipe(name string) (r recipe, version string, ok bool) {
	for _, r := range recipes() {
		if m := r.pattern.FindStringSubmatch(name); m != nil {
			return r, strings.Join(m[1:], ""), true
		}
	}
	return recipe{}, "", false
}

func recipeNames() []string {
	names := make([]string, 0, len(recipes()))
	for _, r := range recipes() {
		names = append(names, r.Name)
	}
	return names
}
