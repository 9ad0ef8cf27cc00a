package buildpacks

import (
	"errors"
	"testing"
)

func TestWhatIsOfferedIsWhatCanBeHadWhereItIsBuilt(t *testing.T) {
	held := Options{Held: map[string][]string{"Python": {"3.11"}, "Ruby": {"3.1"}, "PHP": {"8.2"}, "Java": {"17"}}}
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"no version":          {[]string{"requirements.txt", "", "app.py", "print(1)"}, "3.11"},
		"a range":             {[]string{"requirements.txt", "", "app.py", "print(1)", "pyproject.toml", "[project]\nname = 'x'\nrequires-python = '>=3.10'"}, "3.11"},
		"Ruby":                {[]string{"config.ru", "run proc { [200, {}, []] }", "Gemfile", "gem \"puma\""}, "3.1"},
		"PHP":                 {[]string{"index.php", "<?php"}, "8.2"},
		"PHP range":           {[]string{"index.php", "<?php", "composer.json", `{"require":{"php":"^8.1"}}`}, "8.2"},
		"Java":                {[]string{"Main.java", "public class Main { public static void main(String[] a) {} }"}, "17"},
		"Java that is wanted": {[]string{"Main.java", "public class Main { public static void main(String[] a) {} }", "system.properties", "java.runtime.version=17"}, "17"},
	} {
		t.Run(name, func(t *testing.T) {
			if p := mustDetect(t, tree(c.files...), held); p.Version.Resolved != c.want {
				t.Errorf("version %+v, want %s", p.Version, c.want)
			}
		})
	}
}

func TestAVersionThatCannotBeHadIsRefusedWithThoseThatCan(t *testing.T) {
	_, err := Detect(tree("requirements.txt", "", "app.py", "print(1)", ".python-version", "3.12"), Options{Held: map[string][]string{"Python": {"3.11"}}})
	var refused *VersionError
	if !errors.As(err, &refused) || len(refused.Offered) != 1 || refused.Offered[0] != "3.11" {
		t.Errorf("error is %v", err)
	}
}
