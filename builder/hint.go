package builder

import (
	"regexp"
	"strings"
)

// hint recognises a common cause of failed builds by a line that a tool prints, and says what to do about it.
type hint struct {
	pattern *regexp.Regexp // of one line
	advice  string
}

// advise returns one line of advice on a failed step's output, and the line of it that shows the cause; "" when
// no cause is recognised. The tables are asked in order, and the first entry that fits any line wins:
// what one tool says about one cause stands before what many say about many.
func advise(output []string) (advice, line string) {
	for _, table := range [][]hint{machineHints, nodeHints, goHints, pythonHints, rubyHints, phpHints, jvmHints, otherHints, generalHints} {
		for _, h := range table {
			for _, text := range output {
				if h.pattern.MatchString(text) {
					return h.advice, strings.TrimSpace(text)
				}
			}
		}
	}
	return "the lines above show what the step printed; `csph logs --build` shows all of it", ""
}

func on(pattern, advice string) hint { return hint{regexp.MustCompile(pattern), advice} }

// machineHints are of the machine, whatever ran into it.
var machineHints = []hint{
	on(`(?i)no space left on device|ENOSPC|disk quota exceeded`,
		"the build machine's disk is full: `csph disk` shows what uses it; remove services or deployments that are not needed, or ask its operator for more"),
	on(`JavaScript heap out of memory`,
		"Node.js reached its own heap limit: set NODE_OPTIONS=--max-old-space-size=4096 for the build (in the build script, or with --build)"),
	on(`java\.lang\.OutOfMemoryError|Gradle build daemon disappeared unexpectedly`,
		"the JVM reached its heap limit: set org.gradle.jvmargs=-Xmx2g in gradle.properties, or MAVEN_OPTS=-Xmx2g"),
	on(`fatal error: runtime: out of memory|cannot allocate memory|std::bad_alloc|MemoryError|signal: killed|c\+\+: fatal error: Killed`,
		"the step ran out of memory: use fewer parallel workers (make -j1, GOFLAGS=-p=1, CARGO_BUILD_JOBS=1)"),
}

// generalHints are what tools of every language print.
var generalHints = []hint{
	on(`(?i)certificate (is )?(signed by unknown authority|verify failed|has expired)|self[- ]signed certificate|SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY)|PKIX path building failed`,
		"a server's certificate is not trusted in the build: add its authority to the build machine's CA bundle (update-ca-certificates) and restart csphd"),
	on(`\bE40[13]\b|401 Unauthorized|403 Forbidden|terminal prompts disabled|Permission denied \(publickey\)|Authentication failed for|status code 40[13]\b`,
		"a registry or repository refused access: give the build its credentials as a secret of the service (csph services set-secret)"),
	on(`(?i)ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|no such host|could ?n.?t resolve host|could not resolve (host|proxy)|name or service not known|temporary failure (in name )?resol|dial tcp|connection refused|network is unreachable|could not reach host|unknown host|nxdomain|failed_connect|could not transfer artifact|unable to load the service index`,
		"a registry or server could not be reached from the build: try again, and if it persists check the registry's address and the build machine's network"),
	on(`: not found$|command not found|executable file not found|No such file or directory: '?[a-z]+'?$`,
		"a command is missing in the build image: install it in the step, or use a Dockerfile"),
}
