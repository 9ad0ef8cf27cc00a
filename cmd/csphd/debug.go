package main

import (
	_ "embed"
	"encoding/json"
	"html/template"
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
	s    *server
	page *template.Template
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

func newDebugPage(s *server, nameOf func(service string) string) (http.Handler, error) {
	page, err := template.New("debug").Funcs(template.FuncMap{
		"name": nameOf,
		"age":  func(t time.Time) time.Duration { return time.Since(t).Round(time.Second) },
		"left": func(t time.Time) string { return time.Until(t).Round(time.Hour).String() },
		"join": func(list []string) string { return strings.Join(list, " ") },
	}).Parse(debugHTML)
	return &debugPage{s, page}, err
}

func (d *debugPage) state() debugState {
	s := debugState{
		Version: version, PID: os.Getpid(), Since: d.s.front.since.UTC(), State: d.s.config.State,
		Daemons: d.s.Daemons(), Router: d.s.router.Snapshot(), Names: map[string]string{}, Certificates: []certificate{},
	}
	for host, end := range d.s.front.doorman.expiries() {
		s.Certificates = append(s.Certificates, certificate{host, end.UTC()})
	}
	slices.SortFunc(s.Certificates, func(a, b certificate) int { return a.Expires.Compare(b.Expires) })
	return s
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
	for _, route := range s.Router.Routes {
		s.Names[route.Service] = d.s.metrics.nameOf(route.Service)
	}
}

// note logs why a page is not whole; mostly its reader has gone.
func (d *debugPage) note(err error) {
	if err != nil {
		d.s.logger.Debug("the debug page was not sent", "err", err)
	}
}
