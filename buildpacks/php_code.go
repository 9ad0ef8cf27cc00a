package buildpacks

import (
	"path"
	"regexp"
	"slices"
)

// phpUses are signs in the code that an extension is used which official images have not built in.
var phpUses = []struct {
	extension string
	sign      *regexp.Regexp
}{
	{"bcmath", regexp.MustCompile(`\bbc(?:add|sub|mul|div|mod|pow|sqrt|comp)\s*\(`)},
	{"exif", regexp.MustCompile(`\bexif_(?:read_data|thumbnail|imagetype)\s*\(`)},
	{"gd", regexp.MustCompile(`\bimage(?:create(?:truecolor|from[a-z]+)?|png|jpeg|webp|ttftext)\s*\(`)},
	{"gmp", regexp.MustCompile(`\bgmp_[a-z]+\s*\(`)},
	{"imagick", regexp.MustCompile(`\bnew\s+\\?Imagick\b`)},
	{"intl", regexp.MustCompile(`\b(?:NumberFormatter|IntlDateFormatter|MessageFormatter|Collator|Transliterator)::|\bnew\s+\\?(?:NumberFormatter|IntlDateFormatter|Collator)\b`)},
	{"memcached", regexp.MustCompile(`\bnew\s+\\?Memcached\b`)},
	{"mysqli", regexp.MustCompile(`\bmysqli_[a-z]+\s*\(|\bnew\s+\\?mysqli\b`)},
	{"pdo_mysql", regexp.MustCompile(`["']mysql:`)},
	{"pdo_pgsql", regexp.MustCompile(`["']pgsql:`)},
	{"pgsql", regexp.MustCompile(`\bpg_(?:p?connect|query|query_params)\s*\(`)},
	{"redis", regexp.MustCompile(`\bnew\s+\\?Redis\b`)},
	{"soap", regexp.MustCompile(`\bnew\s+\\?Soap(?:Client|Server)\b`)},
	{"zip", regexp.MustCompile(`\bnew\s+\\?ZipArchive\b`)},
}

// maxPHPFiles bounds how many files are looked through for signs of extensions.
const maxPHPFiles = 300

// usedExtensions are the extensions that the code uses, and the first file that shows each. A framework's own are
// known; plain PHP names none anywhere else.
func (a *phpApp) usedExtensions() map[string]string {
	found := map[string]string{}
	files := 0
	everywhere := func(string) bool { return true }
	a.walk(".", everywhere, func(name string) bool {
		if path.Ext(name) != ".php" {
			return true
		}
		text := a.text(name)
		for _, use := range phpUses {
			if found[use.extension] == "" && use.sign.MatchString(text) {
				found[use.extension] = name
			}
		}
		files++
		return files < maxPHPFiles
	})
	return found
}

// askedExtensions are those of Composer's files, and, where no framework says what it runs with, those of the code.
func (a *phpApp) askedExtensions(f phpFramework) (asked []string, where map[string]string) {
	asked = a.wantedExtensions()
	if f.name != "" {
		return asked, nil
	}
	where = a.usedExtensions()
	for name := range where {
		if slices.Contains(asked, name) {
			delete(where, name)
			continue
		}
		asked = append(asked, name)
	}
	return sortedSet(asked), where
}
