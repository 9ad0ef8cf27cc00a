package buildpacks

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// composerJSON is what a plan needs of a composer.json. Fields of an unexpected type count as absent, where Composer
// itself takes several.
type composerJSON struct {
	Require      looseStrings    `json:"require"`
	Repositories json.RawMessage `json:"repositories"`
	Config       struct {
		Platform looseStrings `json:"platform"`
	} `json:"config"`
	Extra struct {
		PublicDir string `json:"public-dir"`
		Drupal    struct {
			Locations struct {
				WebRoot string `json:"web-root"`
			} `json:"locations"`
		} `json:"drupal-scaffold"`
	} `json:"extra"`

	there bool
}

func readComposer(s source) (composerJSON, error) {
	content, ok, err := s.read("composer.json")
	if err != nil || !ok {
		return composerJSON{}, err
	}
	return parseComposer(content)
}

func parseComposer(content []byte) (composerJSON, error) {
	c := composerJSON{there: true}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	err := json.Unmarshal(content, &c)
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) && typed.Field != "" {
		err = nil // [] for an empty object is what PHP writes
	}
	if err == nil && !bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
		err = errors.New("it is not a JSON object")
	}
	if err == nil {
		return c, nil
	}
	e := &SyntaxError{File: "composer.json", Problem: err.Error(), Advice: "correct it; `composer validate` shows whether Composer can read it"}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		e.Line = 1 + bytes.Count(content[:min(int(syntax.Offset), len(content))], []byte("\n"))
	}
	return composerJSON{}, e
}

func (c composerJSON) requires(name string) bool { return c.Require[name] != "" }

func (c composerJSON) firstOf(names ...string) string {
	at := slices.IndexFunc(names, c.requires)
	if at < 0 {
		return ""
	}
	return names[at]
}

// publicFolder is the folder that extra names as the one that is served, and where it says so.
func (c composerJSON) publicFolder() (dir, where string) {
	if dir := safeFolder(c.Extra.PublicDir, ""); dir != "" {
		return dir, "extra.public-dir in composer.json"
	}
	if root := c.Extra.Drupal.Locations.WebRoot; root != "" {
		return safeFolder(root, ""), "extra.drupal-scaffold in composer.json"
	}
	return "", ""
}

// local tells whether packages are taken from folders of the source.
func (c composerJSON) local() bool {
	return bytes.Contains(bytes.ReplaceAll(c.Repositories, []byte(" "), nil), []byte(`"type":"path"`))
}

func (c composerJSON) install() string {
	return "composer install --no-dev --prefer-dist --no-progress"
}

// composerLock is what a plan needs of a composer.lock: what each package asks of PHP.
type composerLock struct {
	Packages []struct {
		Name    string       `json:"name"`
		Require looseStrings `json:"require"`
	} `json:"packages"`

	there bool
}

func readComposerLock(s source) (composerLock, error) {
	content, ok, err := s.read("composer.lock")
	if err != nil || !ok {
		return composerLock{}, err
	}
	l := composerLock{there: true}
	if err := json.Unmarshal(content, &l); err != nil {
		return composerLock{}, &SyntaxError{File: "composer.lock", Problem: err.Error(), Advice: "write it anew with `composer update --lock`"}
	}
	return l, nil
}

// php are the ranges of PHP that the packages accept.
func (l composerLock) php() []string {
	var ranges []string
	for _, p := range l.Packages {
		if wanted := p.Require["php"]; wanted != "" {
			ranges = append(ranges, wanted)
		}
	}
	return ranges
}

// extensions are the extensions that the project and its packages ask for, without ext- in front, sorted.
func (a *phpApp) wantedExtensions() []string {
	var names []string
	add := func(require looseStrings) {
		for name := range require {
			if extension, ok := strings.CutPrefix(strings.ToLower(name), "ext-"); ok {
				names = append(names, strings.ReplaceAll(extension, "zend-opcache", "opcache"))
			}
		}
	}
	add(a.composer.Require)
	for _, p := range a.lock.Packages {
		add(p.Require)
	}
	return sortedSet(names)
}
