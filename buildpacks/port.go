package buildpacks

import (
	"regexp"
	"strconv"
)

// portFlag finds a port that a start command fixes: --port 3000, --port=3000, -p 3000, PORT=3000 before it.
var portFlag = regexp.MustCompile(`(?:^|\s)(?:--port[= ]|-p[= ]?|PORT=)([0-9]{1,5})(?:\s|$)`)

// fixedPort is the port that a start command fixes, or 0.
func fixedPort(start string) int {
	m := portFlag.FindStringSubmatch(start)
	if m == nil {
		return 0
	}
	port, err := strconv.Atoi(m[1])
	if err != nil || port > 65535 {
		return 0
	}
	return port
}
