package builder

import "testing"

func TestImagesOfLanguagesHaveStandInsOfTheirVersion(t *testing.T) {
	for name, want := range map[string][2]string{
		"docker.io/library/eclipse-temurin:17-jdk":        {"temurin-jdk.Dockerfile", ""},
		"docker.io/library/eclipse-temurin:17-jre":        {"temurin-jre.Dockerfile", ""},
		"docker.io/library/maven:3-eclipse-temurin-17":    {"maven.Dockerfile", ""},
		"docker.io/oven/bun:1-debian":                     {"bun.Dockerfile", "1"},
		"docker.io/oven/bun:1.2.23-slim":                  {"bun.Dockerfile", "1.2.23"},
		"docker.io/denoland/deno:debian":                  {"deno.Dockerfile", ""},
		"docker.io/denoland/deno:debian-2.5.6":            {"deno.Dockerfile", "2.5.6"},
		"docker.io/library/eclipse-temurin:21-jdk":        {},
		"docker.io/library/eclipse-temurin:17-jdk-alpine": {},
		"docker.io/oven/bun:1-alpine":                     {},
		"registry.example.com/oven/bun:1-debian":          {},
		"docker.io/somebody/node:22-bookworm-slim":        {},
		"docker.io/denoland/deno:alpine-2.5.6":            {},
	} {
		r, version, ok := findRecipe(name)
		if ok != (want[0] != "") || r.Dockerfile != want[0] || version != want[1] {
			t.Errorf("%s: got %q, version %q", name, r.Dockerfile, version)
		}
	}
}

func TestTwoVersionsOfAnImageAreTwoArchives(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"docker.io/oven/bun:1-slim", "docker.io/oven/bun:1.2.23-slim", "docker.io/denoland/deno:debian", "docker.io/denoland/deno:2.5.6", "docker.io/denoland/deno:2.4.0"} {
		r, version, _ := findRecipe(name)
		archive := r.archive(version)
		if seen[archive] != "" {
			t.Errorf("%s and %s are both %s", seen[archive], name, archive)
		}
		seen[archive] = name
	}
}
