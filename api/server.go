package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"csph/api/tarball"
	"csph/platform"
)

// Options wires a Server. Every field is required but where it says otherwise.
type Options struct {
	Records   Records
	Events    Events
	Deployer  Deployer
	Runtime   Runtime
	Host      Host
	Pullers   Pullers
	Domains   Domains
	Commands  Commands
	Traffic   Traffic
	Remotes   Remotes
	Hooks     Hooks
	Schedules Schedules
	Images    Images
	Volumes   Volumes
	Logger    *slog.Logger

	// Pages are for those who look after the server, by path: metrics, the debug page. May be nil.
	Pages   map[string]http.Handler
	Version string // of csphd
	// URL is where a service is reached, as shown to people.
	URL func(platform.Service) string
	// AppsDomain is what services are below, each with a name of its own.
	AppsDomain string
	// Regions are where spherelets can run; none: services name no region.
	Regions platform.Regions
	// GitPort is the TCP port that git push goes to.
	GitPort int
	// LogDir is the folder of the log files, DIR/logs: builds/<deployment>.log and
	// spherelets/<deployment>/<spherelet>.log, as package logs writes them.
	LogDir string
	// Sources is the folder that uploads are unpacked in, DIR/sources: a folder for each service.
	Sources string
	// Upload bounds an uploaded archive; zero fields mean tarball's defaults.
	Upload tarball.Limits
	// Rates bounds how often the API may be asked; zero fields mean the defaults.
	Rates Rates
	// KeepAlive is the time between the comments on a silent stream; 0 means 15 s.
	KeepAlive time.Duration
}

// Limits of a connection. Bodies and streams have their own deadlines: neither may be cut by one for
// the whole request.
const (
	maxBody           = 1 << 20
	maxHeader         = 64 << 10
	readHeaderTimeout = 10 * time.Second
	bodyTimeout       = 30 * time.Second // for a JSON body, whole
	idleTimeout       = 2 * time.Minute
	writeTimeout      = 30 * time.Second // for one write, while a client does not read
	closeTimeout      = 5 * time.Second
	defaultKeepAlive  = 15 * time.Second
)

// Server answers the API. It is an http.Handler, safe for concurrent use.
type Server struct {
	Options

	started time.Time
	handler http.Handler
	openAPI []byte
	docs    []byte
	uploads *tarball.Store
	logs    logFiles
	limits  *limits
}

// New returns a Server that has not touched anything yet.
func New(o Options) (*Server, error) {
	if o.KeepAlive == 0 {
		o.KeepAlive = defaultKeepAlive
	}
	s := &Server{
		Options: o, started: time.Now().UTC(),
		uploads: tarball.NewStore(o.Sources, o.Upload), logs: logFiles{o.LogDir}, limits: newLimits(o.Rates),
	}
	mux := http.NewServeMux()
	if err := s.register(mux); err != nil {
		return nil, err
	}
	s.handler = s.observed(s.recovered(s.authorised(s.idempotent(mux))))
	return s, nil
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Serve removes what uploads of an earlier process have left, then answers requests on l until ctx ends, then ends all streams, gives other requests five seconds
// to finish, and returns nil. l is closed in any case.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	if err := s.uploads.Sweep(); err != nil {
		return errors.Join(err, l.Close())
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the API: %w", err)
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	err := server.Shutdown(closing)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	<-served
	return err
}

// register adds every operation to mux, and the document that describes them.
func (s *Server) register(mux *http.ServeMux) error {
	config := huma.Config{
		OpenAPI:                      s.document(),
		Formats:                      huma.DefaultFormats,
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{s.transform},
	}
	api := humago.New(mux, config)
	s.accountOperations(api)
	s.serviceOperations(api)
	s.deploymentOperations(api)
	s.imageOperations(api)
	s.sourceOperations(api)
	s.logOperations(api)
	s.eventOperations(api)
	s.keyOperations(api)
	s.diskOperations(api)
	s.trafficOperations(api)
	s.memberOperations(api)
	s.tokenOperations(api)
	s.projectOperations(api)
	s.environmentOperations(api)
	s.secretOperations(api)
	s.auditOperations(api)
	s.domainOperations(api)
	s.repositoryOperations(api)
	s.webhookOperations(api)
	s.commandOperations(api)
	s.scheduleOperations(api)
	s.volumeOperations(api)
	if err := s.describe(api); err != nil {
		return err
	}
	mux.HandleFunc("GET /openapi.json", s.serveOpenAPI)
	mux.HandleFunc("GET /docs", s.serveDocs)
	mux.HandleFunc("GET /healthz", s.serveHealth)
	for path, page := range s.Pages {
		mux.Handle("GET "+path, s.operated(page))
	}
	mux.HandleFunc("/", s.serveUnknown)
	return nil
}
