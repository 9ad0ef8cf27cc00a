package buildpacks

import (
	"regexp"
	"slices"
	"strings"
)

// pythonNative is a Python package that needs more of Debian than the slim image has.
type pythonNative struct {
	names  []string
	unless string   // an extra with which the package brings its own
	build  []string // Debian packages for building
	run    []string // and for running
	wheels bool     // a wheel brings all of it: only where pip is told to build from source
}

// pythonCompilers are what building from source needs in the slim image.
var pythonCompilers = []string{"gcc", "g++", "libc6-dev", "make", "pkg-config"}

func compiled(packages ...string) []string { return append(packages, pythonCompilers...) }

var pythonNatives = []pythonNative{
	{names: []string{"psycopg2"}, build: compiled("libpq-dev"), run: []string{"libpq5"}},
	{names: []string{"psycopg"}, unless: "binary", run: []string{"libpq5"}},
	{names: []string{"psycopg-c"}, build: compiled("libpq-dev"), run: []string{"libpq5"}},
	{names: []string{"mysqlclient"}, build: compiled("default-libmysqlclient-dev"), run: []string{"libmariadb3"}},
	{names: []string{"pycairo", "pygobject"}, build: compiled("libcairo2-dev", "libgirepository1.0-dev"), run: []string{"libcairo2", "libgirepository-1.0-1"}},
	{names: []string{"cairosvg", "cairocffi", "svglib"}, run: []string{"libcairo2"}},
	{names: []string{"weasyprint"}, run: []string{"fonts-dejavu-core", "libharfbuzz-subset0", "libpango-1.0-0", "libpangoft2-1.0-0"}},
	{names: []string{"xhtml2pdf"}, build: compiled("libcairo2-dev"), run: []string{"libcairo2"}},
	{names: []string{"pdfkit"}, run: []string{"wkhtmltopdf"}},
	{names: []string{"opencv-python", "opencv-contrib-python"}, run: []string{"libgl1", "libglib2.0-0"}},
	{names: []string{"opencv-python-headless"}, run: []string{"libglib2.0-0"}},
	{names: []string{"python-magic"}, run: []string{"libmagic1"}},
	{names: []string{"pdf2image"}, run: []string{"poppler-utils"}},
	{names: []string{"pytesseract"}, run: []string{"tesseract-ocr"}},
	{names: []string{"pydub", "ffmpeg-python", "moviepy", "openai-whisper"}, run: []string{"ffmpeg"}},
	{names: []string{"pyodbc"}, build: compiled("unixodbc-dev"), run: []string{"unixodbc"}},
	{names: []string{"python-ldap", "django-auth-ldap"}, build: compiled("libldap2-dev", "libsasl2-dev"), run: []string{"libldap-2.5-0", "libsasl2-2"}},
	{names: []string{"xmlsec", "python3-saml"}, build: compiled("libxml2-dev", "libxmlsec1-dev"), run: []string{"libxmlsec1-openssl"}},
	{names: []string{"pycurl"}, build: compiled("libcurl4-openssl-dev", "libssl-dev"), run: []string{"libcurl4"}},
	{names: []string{"pygraphviz"}, build: compiled("libgraphviz-dev"), run: []string{"graphviz"}},
	{names: []string{"graphviz", "pydot"}, run: []string{"graphviz"}},
	{names: []string{"uwsgi", "dlib", "m2crypto", "pysqlite3", "pyaudio"}, build: compiled("cmake", "libssl-dev", "libsqlite3-dev", "portaudio19-dev", "swig"), run: []string{"libportaudio2"}},
	{names: []string{"soundfile", "librosa"}, run: []string{"libsndfile1"}},
	{names: []string{"pyzbar"}, run: []string{"libzbar0"}},
	{names: []string{"selenium"}, run: []string{"chromium", "chromium-driver"}},
	{names: []string{"pillow"}, wheels: true, build: compiled("libfreetype-dev", "libjpeg62-turbo-dev", "libtiff-dev", "libwebp-dev", "zlib1g-dev"),
		run: []string{"libfreetype6", "libjpeg62-turbo", "libtiff6", "libwebp7", "libwebpdemux2", "libwebpmux3"}},
	{names: []string{"lxml"}, wheels: true, build: compiled("libxml2-dev", "libxslt1-dev", "zlib1g-dev"), run: []string{"libxml2", "libxslt1.1"}},
	{names: []string{"cryptography", "cffi"}, wheels: true, build: compiled("libffi-dev", "libssl-dev"), run: []string{"libffi8"}},
}

// fromSource finds packages that requirements forbid wheels of.
var fromSource = regexp.MustCompile(`(?m)--no-binary[ =]+([^\s#]+)`)

// systemPackages installs what native packages need, in the build image by a first step, in the run image by
// RunPackages.
func (a *pythonApp) systemPackages(p *Plan) {
	var build, run []string
	for _, n := range pythonNatives {
		name := a.packages.firstOf(n.names...)
		if name == "" || n.unless != "" && (a.packages.hasExtra(name, n.unless) || a.packages.hasExtra(name, "c")) || n.wheels && !a.buildsFromSource(name) {
			continue
		}
		build, run = append(build, n.build...), append(run, n.run...)
		p.decide("Debian packages "+strings.Join(sortedSet(append(slices.Clone(n.build), n.run...)), ", "), name+" needs them", "add a Dockerfile")
	}
	if a.packages.hasExtra("psycopg", "c") {
		build, run = append(build, compiled("libpq-dev")...), append(run, "libpq5")
		p.decide("Debian packages libpq-dev, libpq5 and compilers", "psycopg[c] is built from source", "ask for psycopg[binary]")
	}
	if reason := a.needsGit(); reason != "" {
		build = append(build, "ca-certificates", "git")
		p.decide("git while building", reason, "")
	}
	if strings.Contains(a.settingsTextOf(), "django.contrib.gis") {
		run = append(run, "gdal-bin", "libgdal32", "libgeos-c1v5", "libproj25")
		build = append(build, "gdal-bin", "libgdal32", "libgeos-c1v5", "libproj25")
		p.decide("Debian packages gdal-bin, libgdal32, libgeos-c1v5, libproj25", "GeoDjango needs them", "add a Dockerfile")
	}
	p.RunPackages = sortedSet(run)
	p.installSystem(build)
}

func (a *pythonApp) settingsTextOf() string {
	manage := a.managePy()
	if manage == "" {
		return ""
	}
	return a.readDjango(manage).text
}

// buildsFromSource tells whether requirements forbid the wheel of a package.
func (a *pythonApp) buildsFromSource(name string) bool {
	for _, file := range a.manager.requirements {
		for _, m := range fromSource.FindAllStringSubmatch(a.text(file), -1) {
			for part := range strings.SplitSeq(m[1], ",") {
				if part == ":all:" || normalName(part) == name {
					return true
				}
			}
		}
	}
	return false
}

// needsGit names the manifest that takes a package from a repository, or "".
func (a *pythonApp) needsGit() string {
	for _, file := range append(slices.Clone(a.manager.requirements), "pyproject.toml", "Pipfile", a.manager.lockfile) {
		text := a.text(file)
		if strings.Contains(text, "git+") || strings.Contains(text, "\ngit = ") || strings.Contains(text, "{git = ") || strings.Contains(text, "{ git = ") {
			return file + " takes a package from a git repository"
		}
	}
	return ""
}

// installSystem adds the step that installs Debian packages in the build container, before anything of the source.
func (p *Plan) installSystem(packages []string) {
	if len(packages) == 0 {
		return
	}
	p.Steps = append(p.Steps, Step{Name: "install system packages", Inputs: []string{},
		Command: "apt-get update\nDEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends " +
			strings.Join(sortedSet(packages), " ") + "\nrm -rf /var/lib/apt/lists/*"})
}
