package main

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"csph/api/wire"
	"csph/router"
)

//go:embed debug.html
var debugHTML string

// debugPage shows what this csphd does right now: routes, targets, drains, certificates, daemons.
type debugPage struct {
	state  func() debugState
	nameOf func(service string) string
	page   *template.Template
	logger *slog.Logger
}

// debugState is what the page shows.
type debugState struct {
	Version      string            `json:"version"`
	PID          int               `json:"pid"`
	Since        time.Time         `json:"since"`
	State        string            `json:"state"` // the folder
	Daemons      []wire.Daemon     `json:"daemons"`
	Router       router.Snapshot   `json:"router"`
	Names        map[string]string `json:"names"` // of services, by id
	Certificates []certificate     `json:"certificates"`
}

type certificate struct {
	Host    string    `json:"host"`
	Expires time.Time `json:"expires"`
}

func newDebugPage(state func() debugState, nameOf func(service string) string, logger *slog.Logger) (http.Handler, error) {
	page, err := template.New("debug").Funcs(template.FuncMap{
		"name": nameOf,
		"age":  func(t time.Time) time.Duration { return time.Since(t).Round(time.Second) },
		"left": func(t time.Time) string { return time.Until(t).Round(time.Hour).String() },
		"join": func(list []string) string { return strings.Join(list, " ") },
	}).Parse(debugHTML)
	return &debugPage{state, nameOf, page, logger}, err
}

// debugState looks at everything that the page shows.
func (s *server) debugState() debugState {
	now := debugState{
		Version: version, PID: os.Getpid(), Since: s.front.since.UTC(), State: s.config.State,
		Daemons: s.Daemons(), Router: s.router.Snapshot(), Certificates: []certificate{},
	}
	for host, end := range s.front.doorman.expiries() {
		now.Certificates = append(now.Certificates, certificate{host, end.UTC()})
	}
	slices.SortFunc(now.Certificates, func(a, b certificate) int { return a.Expires.Compare(b.Expires) })
	return now
}

// ServeHTTP answers with HTML, or with JSON where that is asked for.
func (d *debugPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := d.state()
	w.Header().Set("Cache-Control", "no-store")
	if r.URL.Query().Get("format") == "json" || strings.Contains(r.Header.Get("Accept"), "application/json") {
		d.names(&s)
		w.Header().Set("Content-Type", "application/json")
		d.note(json.NewEncoder(w).Encode(s))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	d.note(d.page.Execute(w, s))
}

func (d *debugPage) names(s *debugState) {
	s.Names = map[string]string{}
	for _, route := range s.Router.Routes {
		s.Names[route.Service] = d.nameOf(route.Service)
	}
}

// note logs why a page is not whole; mostly its reader has gone.
func (d *debugPage) note(err error) {
	if err != nil {
		d.logger.Debug("the debug page was not sent", "err", err)
	}
}
