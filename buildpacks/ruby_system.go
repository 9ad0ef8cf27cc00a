package buildpacks

import (
	"slices"
	"strings"
)

// rubyCompilers are what gems with extensions need in the slim image; Rails' own Dockerfile installs the same.
var rubyCompilers = []string{"build-essential", "git", "libyaml-dev", "pkg-config"}

// rubyNative is a gem that needs more of Debian than compilers.
type rubyNative struct {
	gems  []string
	build []string
	run   []string
}

var rubyNatives = []rubyNative{
	{[]string{"pg"}, []string{"libpq-dev"}, []string{"libpq5"}},
	{[]string{"mysql2"}, []string{"default-libmysqlclient-dev"}, []string{"libmariadb3"}},
	{[]string{"sqlite3"}, []string{"libsqlite3-dev"}, []string{"libsqlite3-0"}},
	{[]string{"ruby-vips", "image_processing"}, nil, []string{"libvips42"}},
	{[]string{"mini_magick"}, nil, []string{"imagemagick"}},
	{[]string{"rmagick"}, []string{"libmagickwand-dev"}, []string{"libmagickwand-6.q16-6"}},
	{[]string{"ffi"}, []string{"libffi-dev"}, []string{"libffi8"}},
	{[]string{"trilogy"}, []string{"libssl-dev"}, nil},
	{[]string{"charlock_holmes"}, []string{"libicu-dev"}, []string{"libicu72"}},
	{[]string{"rugged"}, []string{"cmake", "libssl-dev"}, nil},
	{[]string{"curb"}, []string{"libcurl4-openssl-dev"}, []string{"libcurl4"}},
	{[]string{"typhoeus", "ethon"}, nil, []string{"libcurl4"}},
	{[]string{"tiny_tds"}, []string{"freetds-dev"}, []string{"libsybdb5"}},
	{[]string{"rgeo", "activerecord-postgis-adapter"}, []string{"libgeos-dev", "libproj-dev"}, []string{"libgeos-c1v5", "libproj25"}},
	{[]string{"streamio-ffmpeg"}, nil, []string{"ffmpeg"}},
	{[]string{"wicked_pdf", "pdfkit"}, nil, []string{"wkhtmltopdf"}},
	{[]string{"grover", "ferrum", "ferrum_pdf"}, nil, []string{"chromium", "fonts-liberation"}},
	{[]string{"ruby-filemagic"}, []string{"libmagic-dev"}, []string{"libmagic1"}},
	{[]string{"idn-ruby"}, []string{"libidn-dev"}, []string{"libidn12"}},
}

// systemPackages installs compilers, and what native gems need on either side. Gems that are named in the lockfile
// count too: ffi and sqlite3 come with others.
func (a *rubyApp) systemPackages(p *Plan) {
	if a.lock.there && !a.lock.fetched {
		return // nothing but gems of the source itself
	}
	build, run := slices.Clone(rubyCompilers), []string(nil)
	p.decide("Debian packages "+strings.Join(build, ", ")+" while building", "gems with extensions are compiled", "")
	for _, n := range rubyNatives {
		at := slices.IndexFunc(n.gems, func(gem string) bool { return a.gemfile.gems.has(gem) || a.lock.has(gem) })
		if at < 0 {
			continue
		}
		build, run = append(build, n.build...), append(run, n.run...)
		p.decide("Debian packages "+strings.Join(sortedSet(append(slices.Clone(n.build), n.run...)), ", "), n.gems[at]+" needs them", "add a Dockerfile")
	}
	if a.isRails() {
		run = append(run, "libjemalloc2")
		p.decide("Debian packages libjemalloc2", "Rails' own Dockerfile runs with it: less memory under load", "set LD_PRELOAD to nothing")
	}
	p.installSystem(build)
	if a.rubySite() == nil {
		p.RunPackages = sortedSet(run)
	}
}
