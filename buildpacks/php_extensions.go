package buildpacks

import (
	"slices"
	"strings"
)

// phpBuiltIn are the extensions that official images have (`php -m`).
var phpBuiltIn = []string{"core", "ctype", "curl", "date", "dom", "fileinfo", "filter", "ftp", "hash", "iconv", "json", "libxml", "mbstring",
	"mysqlnd", "openssl", "pcre", "pdo", "pdo_sqlite", "phar", "posix", "random", "readline", "reflection", "session", "simplexml", "sodium",
	"spl", "sqlite3", "standard", "tokenizer", "xml", "xmlreader", "xmlwriter", "zlib", "opcache"}

// phpExtension is an extension that is compiled into an official image, and what it needs of Debian.
type phpExtension struct {
	build     []string
	run       []string
	configure string
	pecl      bool
}

var phpExtensions = map[string]phpExtension{
	"bcmath": {}, "calendar": {}, "exif": {}, "gettext": {}, "mysqli": {}, "pcntl": {}, "pdo_mysql": {}, "shmop": {}, "sockets": {},
	"sysvmsg": {}, "sysvsem": {}, "sysvshm": {}, "dba": {},
	"bz2": {build: []string{"libbz2-dev"}},
	"ffi": {build: []string{"libffi-dev"}, run: []string{"libffi8"}},
	"gd": {build: []string{"libfreetype-dev", "libjpeg62-turbo-dev", "libpng-dev", "libwebp-dev"},
		run: []string{"libfreetype6", "libjpeg62-turbo", "libpng16-16", "libwebp7"}, configure: "--with-freetype --with-jpeg --with-webp"},
	"gmp":       {build: []string{"libgmp-dev"}, run: []string{"libgmp10"}},
	"intl":      {build: []string{"libicu-dev"}, run: []string{"libicu72"}},
	"ldap":      {build: []string{"libldap2-dev"}, run: []string{"libldap-2.5-0"}},
	"pdo_pgsql": {build: []string{"libpq-dev"}, run: []string{"libpq5"}},
	"pgsql":     {build: []string{"libpq-dev"}, run: []string{"libpq5"}},
	"soap":      {build: []string{"libxml2-dev"}},
	"tidy":      {build: []string{"libtidy-dev"}, run: []string{"libtidy5deb1"}},
	"xsl":       {build: []string{"libxslt1-dev"}, run: []string{"libxslt1.1"}},
	"zip":       {build: []string{"libzip-dev"}, run: []string{"libzip4"}},

	"amqp":      {pecl: true, build: []string{"librabbitmq-dev"}, run: []string{"librabbitmq4"}},
	"apcu":      {pecl: true},
	"ds":        {pecl: true},
	"igbinary":  {pecl: true},
	"imagick":   {pecl: true, build: []string{"libmagickwand-dev"}, run: []string{"libmagickwand-6.q16-6"}},
	"memcached": {pecl: true, build: []string{"libmemcached-dev", "libssl-dev", "zlib1g-dev"}, run: []string{"libmemcached11", "libmemcachedutil2"}},
	"mongodb":   {pecl: true, build: []string{"libssl-dev"}},
	"msgpack":   {pecl: true},
	"redis":     {pecl: true},
	"swoole":    {pecl: true, build: []string{"libbrotli-dev", "libssl-dev"}},
	"uuid":      {pecl: true, build: []string{"uuid-dev"}},
	"yaml":      {pecl: true, build: []string{"libyaml-dev"}, run: []string{"libyaml-0-2"}},
}

// extensions compiles what the project, its packages and its framework ask for, and switches OPcache on.
func (a *phpApp) extensions(p *Plan, f phpFramework) {
	asked, where := a.askedExtensions(f)
	var build, run, compile, pecl, configure []string
	for _, name := range sortedSet(append(slices.Clone(asked), f.extensions...)) {
		if slices.Contains(phpBuiltIn, name) {
			continue
		}
		e, known := phpExtensions[name]
		if !known {
			p.warn("the extension %s is not known here: add a Dockerfile if Composer says that it is missing", name)
			continue
		}
		build, run = append(build, e.build...), append(run, e.run...)
		if e.configure != "" {
			configure = append(configure, "docker-php-ext-configure "+name+" "+e.configure)
		}
		if e.pecl {
			pecl = append(pecl, name)
		} else {
			compile = append(compile, name)
		}
		p.decide("extension "+name, extensionWhy(name, where[name], asked, f), "change ext-"+name+" in composer.json")
	}
	p.RunPackages = sortedSet(run)
	if a.composer.there && !(a.lock.there && len(a.lock.Packages) == 0) {
		build = append(build, "git", "unzip")
	}
	p.installSystem(build)
	p.Steps = append(p.Steps, Step{Name: "install PHP extensions", Inputs: []string{},
		Command: strings.Join(append(configure, extensionCommands(compile, pecl)...), "\n")})
}

func extensionWhy(name, file string, asked []string, f phpFramework) string {
	if file != "" {
		return file + " uses it"
	}
	if slices.Contains(asked, name) {
		return "composer.json or a locked package requires ext-" + name
	}
	return f.name + " is usually run with it"
}

// extensionCommands use the scripts of the official images. OPcache comes with them, switched on from PHP 8.5.
func extensionCommands(compile, pecl []string) []string {
	var commands []string
	if len(compile) > 0 {
		commands = append(commands, `docker-php-ext-install -j"$(nproc)" `+strings.Join(compile, " "))
	}
	if len(pecl) > 0 {
		commands = append(commands, "pecl install "+strings.Join(pecl, " ")+" </dev/null", "docker-php-ext-enable "+strings.Join(pecl, " "))
	}
	return append(commands, "php -r 'exit((int) !extension_loaded(\"Zend OPcache\"));' || docker-php-ext-enable opcache")
}
