package buildpacks

import (
	"regexp"
	"strconv"
)

var (
	// pythonPortNamed finds run(host="127.0.0.1", port=5000) and listen(8888); pythonPortPair finds ("", 8000).
	pythonPortNamed = regexp.MustCompile(`\bport\s*=\s*([0-9]{2,5})\b|\.listen\(\s*([0-9]{2,5})\b`)
	pythonPortPair  = regexp.MustCompile(`\(\s*["']([\w.:]*)["']\s*,\s*([0-9]{2,5})\s*[,)]`)
	pythonLoopback  = regexp.MustCompile(`\bhost\s*=\s*["'](127\.0\.0\.1|localhost)["']|\(\s*["'](127\.0\.0\.1|localhost)["']\s*,`)
	pythonReadsPort = regexp.MustCompile(`\bPORT\b`)
)

// pythonPort looks at what a program that starts its own server says about the port: one that reads PORT is left
// alone, one that is written out is the plan's, and an address of the spherelet alone is warned of.
func (a *pythonApp) pythonPort(p *Plan, file string) {
	text := a.text(file)
	if pythonLoopback.MatchString(text) {
		p.warn("%s listens on the loopback address, which nothing outside of the spherelet reaches: listen on 0.0.0.0", file)
	}
	if pythonReadsPort.MatchString(text) || p.Port != 0 {
		return
	}
	port := 0
	if m := pythonPortNamed.FindStringSubmatch(text); m != nil {
		port = atoi(m[1] + m[2])
	} else if m := pythonPortPair.FindStringSubmatch(text); m != nil {
		port = atoi(m[2])
	}
	if port > 0 && port < 65536 {
		p.Port = port
		p.decide("port "+strconv.Itoa(port), file+" listens on it, and nothing in it reads PORT", `read it: int(os.environ.get("PORT", 8080))`)
	}
}

func atoi(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}
