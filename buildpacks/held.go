package buildpacks

import "slices"

// within are those of all versions of a language, newest first, that can be had where it is built.
func (o Options) within(language string, all []string) []string {
	held := slices.DeleteFunc(slices.Clone(all), func(v string) bool { return !slices.Contains(o.Held[language], v) })
	if len(held) == 0 {
		return all
	}
	return held
}

// standing says why version is taken where nothing asks for one.
func standing(version, usual string) string {
	if version == usual {
		return "the default"
	}
	return "the newest whose image can be had here (elsewhere " + usual + " is the default)"
}
