package buildpacks

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	// readsPort finds code that asks for PORT, in whatever way its language does.
	readsPort = regexp.MustCompile("[\"'`]PORT[\"'`]|env\\.PORT\\b|\\$\\{?PORT\\b")
	// listensAt finds an address with its port written out: ":3000", "127.0.0.1:3000".
	listensAt = regexp.MustCompile("[\"'`](0\\.0\\.0\\.0|127\\.0\\.0\\.1|localhost|\\[::1?\\]|):([0-9]{2,5})[\"'`]")
	// listensPair finds ("127.0.0.1", 8080), and ([127, 0, 0, 1], 3030) as Rust writes it.
	listensPair = regexp.MustCompile("\\(\\s*[\"'\\[]?(0\\.0\\.0\\.0|127\\.0\\.0\\.1|localhost|0, ?0, ?0, ?0|127, ?0, ?0, ?1)[\"'\\]]?\\s*,\\s*([0-9]{2,5})\\s*\\)")
	// listensOn finds a port by itself: .listen(3000, port: 3000, const port = 3000; .listen(process.env.port ?? 3000.
	listensOn = regexp.MustCompile(`()(?:\.(?:listen|start|bind|port)\((?:\s*process\.env\.\w+\s*(?:\?\?|\|\|))?|\b(?:port|PORT)\s*(?::=|[:=])|\bport\()\s*([0-9]{2,5})\b`)
)

// defaultPort is what PORT says where nothing fixes another (SPEC section 4).
const defaultPort = 8080

// listener is an address that code listens at.
type listener struct {
	file string
	host string
	port int
}

// loopback tells an address that nobody outside of the spherelet reaches.
func (l listener) loopback() bool {
	return strings.HasPrefix(l.host, "127") || l.host == "localhost" || l.host == "[::1]"
}

// otherServices are ports of databases, queues, mail servers, collectors of traces, and Go's profiler: code that names
// one connects to it, or does not serve the app there.
var otherServices = []int{25, 53, 465, 587, 1025, 1433, 1521, 2181, 2379, 3306, 4222, 4317, 4318, 5432, 5672, 6060, 6379, 6831, 8125, 8200, 8500, 9042, 9092, 9200, 9411,
	11211, 14268, 26257, 27017}

// listenHint looks through the code below dir where nothing else tells the port: code that reads PORT is left alone; a
// port that is written out is the plan's; of several, and of an address that is the spherelet's own, it warns.
func (s source) listenHint(p *Plan, dir string, extensions ...string) {
	s.listenHintOf(p, "", dir, extensions...)
}

// listenHintOf is listenHint, but what the files right in program say, a folder, counts before the rest.
func (s source) listenHintOf(p *Plan, program, dir string, extensions ...string) {
	found, reads := s.listeners(dir, extensions)
	if program != "" {
		found = ofProgram(found, program)
	}
	if reads || len(found) == 0 {
		return
	}
	l := found[0]
	if i := slices.IndexFunc(found, func(o listener) bool { return o.port != l.port }); i >= 0 {
		p.warn("nothing reads PORT, and the code names several ports (%d in %s, %d in %s): read PORT, or say which with --port", l.port, l.file, found[i].port, found[i].file)
		return
	}
	if l.loopback() {
		p.warn("%s listens on %s:%d, which nothing outside of the spherelet reaches: listen on 0.0.0.0 and the port in PORT", l.file, l.host, l.port)
		return
	}
	if p.Port == 0 && l.port != defaultPort {
		p.Port = l.port
		p.decide("port "+strconv.Itoa(l.port), l.file+" listens on it, and nothing reads PORT", "read PORT from the environment")
	}
}

// ofProgram leaves what the program's own files say; where they say nothing, what others do, but for the addresses that
// are their spherelet's own: those are what they connect to.
func ofProgram(found []listener, program string) []listener {
	own := slices.DeleteFunc(slices.Clone(found), func(l listener) bool { return path.Dir(l.file) != program })
	if len(own) > 0 {
		return own
	}
	return slices.DeleteFunc(slices.Clone(found), listener.loopback)
}

// aside are files that serve nothing: tests, and the configuration of tools.
var aside = regexp.MustCompile(`_test\.|\.test\.|\.spec\.|\.config\.|\.d\.ts$`)

// maxListenFiles bounds how many files are looked through for a port.
const maxListenFiles = 300

// listeners are the addresses in the code below dir, and whether any of it reads PORT.
func (s source) listeners(dir string, extensions []string) (found []listener, reads bool) {
	files := 0
	if !s.isDir(dir) {
		return nil, false
	}
	notTests := func(dir string) bool {
		return !slices.Contains([]string{"test", "tests", "testdata", "target", "examples", "benches"}, path.Base(dir))
	}
	s.walk(dir, notTests, func(name string) bool {
		if !slices.Contains(extensions, path.Ext(name)) || aside.MatchString(name) {
			return true
		}
		text := comment.ReplaceAllString(s.text(name), "")
		reads = reads || readsPort.MatchString(text)
		found = append(found, listenersIn(name, text)...)
		files++
		return files < maxListenFiles && !reads
	})
	return found, reads
}

func listenersIn(file, text string) []listener {
	var found []listener
	for _, pattern := range []*regexp.Regexp{listensAt, listensPair, listensOn} {
		for _, m := range pattern.FindAllStringSubmatch(text, -1) {
			port, err := strconv.Atoi(m[2])
			if err == nil && port > 0 && port < 65536 && !slices.Contains(otherServices, port) {
				found = append(found, listener{file, strings.NewReplacer(", ", ".", ",", ".").Replace(m[1]), port})
			}
		}
	}
	return found
}
