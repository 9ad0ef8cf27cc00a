package buildpacks

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// cargoCaches are kept between builds; target among them, so that only what changed is compiled.
var cargoCaches = []string{"/usr/local/cargo/registry", "/usr/local/cargo/git", appFolder + "/target"}

const cargoPath = "/usr/local/cargo/bin:"

// detectRust plans a Cargo.toml: build one binary for release, run it on plain Debian.
func detectRust(j job) (*Plan, error) {
	c, err := readCargo(j)
	if c == nil || err != nil {
		return nil, err
	}
	p := &Plan{Language: "rust", PackageManager: "cargo", RunImage: debianImage, User: runUser}
	p.decide("Rust", "there is a Cargo.toml at the root of the source", "add a Dockerfile")
	p.chooseRust(j.source, c)
	if why := c.trunk(); why != "" {
		return c.planTrunk(p, why), nil
	}
	bin, why, err := c.chooseBin()
	if err != nil {
		return nil, err
	}
	if bin.name != "" {
		p.Start = appFolder + "/bin/" + bin.name
		p.decide("program "+bin.name, why, "name default-run in Cargo.toml, add a Procfile with `web: bin/NAME`, or --dir FOLDER")
	}
	p.BuildEnv = buildEnv(cargoPath, map[string]string{"CARGO_HOME": "/usr/local/cargo", "CARGO_TERM_COLOR": "never"})
	p.Env = runEnv(appFolder+"/bin:", nil)
	c.frameworks(p, bin)
	c.nativePackages(p)
	if c.app.dir == "." && c.root.Package.Metadata.Leptos != nil && c.options.Build == "" {
		c.leptosSteps(p, bin)
		return p, nil
	}
	c.steps(p, bin)
	return p, nil
}

// rustChannel are the toolchains that an image of their own can be had for: since 1.70 there is one on Debian 12.
var rustChannel = regexp.MustCompile(`^1\.([0-9]+)(?:\.[0-9]+)?$`)

const oldestRust = 70

// chooseRust takes the toolchain that the source pins; rust-version is only the oldest that will do.
func (p *Plan) chooseRust(s source, c *cargo) {
	const override = "add a rust-toolchain.toml"
	p.BuildImage = rustImage("1")
	p.Version = rustPin(s)
	if p.Version.Source == "" {
		p.Version = Version{Resolved: "1", Source: "default"}
		if v := c.rustVersion(); v != "" {
			p.Version = Version{Wanted: ">=" + v, Resolved: "1", Source: "Cargo.toml rust-version"}
		}
		p.decide("the newest stable Rust", "no toolchain is pinned", override)
		return
	}
	if m := rustChannel.FindStringSubmatch(p.Version.Wanted); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n >= oldestRust {
			p.Version.Resolved = p.Version.Wanted
			p.BuildImage = rustImage(p.Version.Wanted)
			p.decide("Rust "+p.Version.Wanted, p.Version.Source+" says so", override)
			return
		}
	}
	p.Version.Resolved = "1"
	p.decide("Rust "+shorten(p.Version.Wanted), p.Version.Source+" says so; rustup in the image fetches it", override)
	if strings.HasPrefix(p.Version.Source, "rust-toolchain") {
		return
	}
	p.warn("%s asks for Rust %s, of which there is no image: the newest stable is used; a rust-toolchain.toml makes rustup fetch it", p.Version.Source, shorten(p.Version.Wanted))
}

func rustImage(tag string) string { return "docker.io/library/rust:" + tag + "-bookworm" }

// rustPin is the toolchain of rust-toolchain.toml, rust-toolchain, .tool-versions or mise.toml.
func rustPin(s source) Version {
	for _, file := range []string{"rust-toolchain.toml", "rust-toolchain"} {
		text := s.text(file)
		channel := tomlString(text, "toolchain", "channel")
		if channel == "" && file == "rust-toolchain" && !strings.Contains(text, "[") {
			channel = versionLine(text)
		}
		if channel == "stable" {
			return Version{}
		}
		if channel != "" {
			return Version{Wanted: channel, Source: file}
		}
	}
	v := s.toolVersion("rust")
	if v.Wanted == "stable" || v.Wanted == "latest" {
		return Version{}
	}
	return v
}

// steps build in one go: crates and what is compiled of them are kept in caches, which the build container sees only
// during a step, so that the binary is copied out of target at its end.
func (c *cargo) steps(p *Plan, bin cargoBin) {
	build := c.options.Build
	if build == "" {
		build = "cargo build --release" + choose(c.isFile("Cargo.lock"), " --locked", "") + bin.selection()
		p.decide("build: "+build, "release profile; crates and target/ are kept in caches", "--build 'CMD'")
		if bin.name != "" {
			build += "\nmkdir -p bin\ncp target/release/" + bin.name + " bin/"
		}
	} else {
		p.decide("build: "+build, "--build was given; copy the binary out of target/, which is a cache: cp target/release/NAME bin/", "")
	}
	if !c.isFile("Cargo.lock") {
		p.warn("there is no Cargo.lock: every build may take other versions; commit it")
	}
	p.Steps = append(p.Steps, Step{Name: "build " + cmp.Or(bin.name, "with cargo"), Command: build, Caches: cargoCaches})
	p.Copy = []Copy{{From: "/etc/ssl/certs/ca-certificates.crt", To: "/etc/ssl/certs/ca-certificates.crt"}}
	if folder := c.first("Rocket.toml"); folder == "" && !c.hasAssets() && c.options.Build == "" {
		p.Copy = append(p.Copy, Copy{From: appFolder + "/bin", To: appFolder + "/bin"})
		return
	}
	p.Copy = append(p.Copy, Copy{From: appFolder, To: appFolder, Exclude: []string{".git", "target", "**/*.rs", "**/node_modules"}})
	p.decide("the source's other files go along", "the program may open them at run time", "embed them with include_str! or rust-embed")
}

// hasAssets tells whether there are folders that programs open files in.
func (c *cargo) hasAssets() bool {
	return slices.ContainsFunc([]string{"static", "templates", "public", "assets", "migrations", "config", "content", "views", "www"}, func(dir string) bool {
		return c.isDir(dir) || c.app.dir != "." && c.isDir(path.Join(c.app.dir, dir))
	})
}

// crates with C libraries that are not compiled in: what the build image lacks and the run image needs.
var rustNative = []struct {
	crates []string
	run    []string
}{
	{[]string{"openssl", "native-tls", "openssl-sys"}, []string{"libssl3"}},
	{[]string{"pq-sys", "postgres-native-tls"}, []string{"libpq5"}},
	{[]string{"mysqlclient-sys"}, []string{"libmariadb3"}},
	{[]string{"libsqlite3-sys"}, []string{"libsqlite3-0"}},
	{[]string{"rdkafka"}, []string{"libsasl2-2", "libssl3"}},
}

// crates whose build scripts call programs or libraries that the build image has not.
var rustTools = []struct {
	crates []string
	build  string
}{
	{[]string{"prost-build", "tonic-build", "tonic-prost-build", "protobuf-codegen"}, "protobuf-compiler"},
	{[]string{"bindgen"}, "libclang-dev"},
	{[]string{"cmake"}, "cmake"},
}

// lockedCrate finds the names of Cargo.lock.
var lockedCrate = regexp.MustCompile(`(?m)^name = "([^"]+)"$`)

// wantsNativeTLS tells from Cargo.toml alone whether OpenSSL is linked with: a feature asks for it, or a reqwest that
// takes it unless told otherwise.
func (c *cargo) wantsNativeTLS() bool {
	for name, wanted := range c.app.manifest.Dependencies {
		if slices.ContainsFunc(c.app.manifest.features(name), func(f string) bool { return strings.Contains(f, "native-tls") }) {
			return true
		}
		table, _ := wanted.(map[string]any)
		version, _ := wanted.(string)
		if table != nil {
			version, _ = table["version"].(string)
		}
		if name == "reqwest" && table["default-features"] != false && oldReqwest.MatchString(version) {
			return true
		}
	}
	return false
}

// oldReqwest finds the releases whose default is OpenSSL; those since 0.13 have rustls.
var oldReqwest = regexp.MustCompile(`^[\^~=]?0\.(?:9|1[0-2])\b`)

// nativePackages names the libraries that the binary is linked with, by the crates in Cargo.lock.
func (c *cargo) nativePackages(p *Plan) {
	locked := map[string]bool{}
	for _, m := range lockedCrate.FindAllStringSubmatch(c.text("Cargo.lock"), -1) {
		locked[m[1]] = true
	}
	for _, dependencies := range []map[string]any{c.app.manifest.Dependencies, c.app.manifest.BuildDependencies} {
		for name := range dependencies {
			locked[name] = true
		}
	}
	if features := c.app.manifest.features("diesel"); slices.Contains(features, "postgres") {
		locked["pq-sys"] = true
	}
	if len(locked) > 0 && !c.isFile("Cargo.lock") && c.wantsNativeTLS() {
		locked["native-tls"] = true
	}
	for _, native := range rustNative {
		if i := slices.IndexFunc(native.crates, func(name string) bool { return locked[name] }); i >= 0 {
			p.RunPackages = append(p.RunPackages, native.run...)
			p.decide("Debian packages "+strings.Join(native.run, ", "), "the crate "+native.crates[i]+" links with them", "use the crate's bundled or vendored feature")
		}
	}
	p.RunPackages = sortedSet(p.RunPackages)
	var build []string
	for _, tool := range rustTools {
		if i := slices.IndexFunc(tool.crates, func(name string) bool { return locked[name] }); i >= 0 {
			build = append(build, tool.build)
			p.decide("Debian package "+tool.build+" while building", "the crate "+tool.crates[i]+" needs it", "")
		}
	}
	p.installSystem(build)
}
