package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"

	"csph/durable"
)

const (
	defaultURL   = "http://127.0.0.1:7070"
	defaultState = "/var/lib/csph"
	tokenFile    = "admin.token"
)

// settings say which server is meant, and as whom.
type settings struct {
	URL   string `yaml:"url"`
	Token string `yaml:"token"`
}

// settings puts together flag, environment, config file and defaults, in this order of precedence.
func (a *app) settings() (settings, error) {
	kept, err := readSettings(a.settingsPath())
	if err != nil {
		return settings{}, err
	}
	s := settings{URL: first(a.url, a.env("CSPH_URL"), kept.URL, defaultURL), Token: a.env("CSPH_TOKEN")}
	if s.Token == "" && strings.TrimRight(s.URL, "/") == strings.TrimRight(kept.URL, "/") {
		s.Token = kept.Token // a token goes to the server it is from, and to no other
	}
	if s.Token == "" && loopback(s.URL) {
		s.Token = a.adminToken()
	}
	return s, nil
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// loopback reports whether a URL leads to this machine.
func loopback(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// adminToken is the token of the server's first start, "" where it cannot be read: the first minutes
// need no login.
func (a *app) adminToken() string {
	text, err := os.ReadFile(filepath.Join(first(a.env("CSPH_STATE"), defaultState), tokenFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// settingsPath is ~/.config/csph/config.yaml (XDG Base Directory Specification).
func (a *app) settingsPath() string {
	base := a.env("XDG_CONFIG_HOME")
	if base == "" {
		base = filepath.Join(a.env("HOME"), ".config")
	}
	return filepath.Join(base, "csph", "config.yaml")
}

// readSettings reads a config file; none is no error, an unknown key is.
func readSettings(path string) (settings, error) {
	var s settings
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read config: %w", err)
	}
	if err := yaml.UnmarshalWithOptions(text, &s, yaml.Strict()); err != nil {
		return s, fmt.Errorf("read %s: %w", path, err)
	}
	return s, nil
}

// writeSettings replaces a config file, readable by its owner only.
func writeSettings(path string, s settings) error {
	text, err := yaml.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode config: %w", err)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make config folder: %w", err)
	}
	if err := durable.Replace(path, text, 0o600); err != nil {
		return fmt.Errorf("keep the config: %w", err)
	}
	return nil
}
