package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/deploy"
	"csph/platform"
)

// ServicePath is a request about one service. It is exported because huma looks for parameters in exported
// fields only.
type ServicePath struct {
	Service string `path:"service" doc:"id, unique prefix of one, name, env/name or project/env/name (with / as %2F)"`
}

// listOfService is a request for a list of what a service has.
type listOfService struct {
	ServicePath
	Page
}

type configureService struct {
	ServicePath
	IfMatch
	Body wire.ConfigChange
}

type listServices struct {
	Page
	Environment string `query:"environment" doc:"Only those of this environment"`
	Project     string `query:"project" doc:"Only those of this project"`
}

type createService struct {
	Body wire.NewService
}

func (s *Server) serviceOperations(api huma.API) {
	op := operationsOf("services")
	create := op("create-service", http.MethodPost, "/v1/services", "Create a service").answering(http.StatusCreated)
	restart := op("restart-service", http.MethodPost, "/v1/services/{service}/restart", "Replace all spherelets by new ones, without a build").answering(http.StatusAccepted)
	resume := op("resume-service", http.MethodPost, "/v1/services/{service}/resume", "Start a suspended service again, with its present config").answering(http.StatusAccepted)
	add(s, api, op("list-services", http.MethodGet, "/v1/services", "List services"), s.listServices)
	add(s, api, create, s.createService)
	add(s, api, op("get-service", http.MethodGet, "/v1/services/{service}", "Get a service"), s.getService)
	add(s, api, op("configure-service", http.MethodPatch, "/v1/services/{service}", "Change a service's config; what is live is rolled out again with it"), s.configureService)
	add(s, api, op("delete-service", http.MethodDelete, "/v1/services/{service}", "Stop and delete a service with everything it has"), s.deleteService)
	add(s, api, restart, s.restartService)
	add(s, api, op("suspend-service", http.MethodPost, "/v1/services/{service}/suspend", "Stop a service's spherelets and keep everything else"), s.suspendService)
	add(s, api, resume, s.resumeService)
	add(s, api, op("list-service-spherelets", http.MethodGet, "/v1/services/{service}/spherelets", "List the spherelets of what is live"), s.serviceSpherelets)
}

// withdrawTimeout bounds the deletion of a service: drain, grace, and as much again.
const withdrawTimeout = 5 * time.Minute

// view is a service as it is shown, live being its live deployment.
func (s *Server) view(svc platform.Service, live platform.Deployment) wire.ServiceView {
	v := wire.ServiceView{Service: svc, URL: s.URL(svc), Region: s.Regions.Of(svc.Config.Region)}
	if svc.Live == "" {
		return v
	}
	v.Running = &wire.Running{Shape: live.Config.Shape, Count: svc.Size(live)}
	for _, one := range s.Runtime.Spherelets(svc.Live) {
		if one.State == platform.Running {
			v.Running.Up++
		}
	}
	return v
}

// shown is a service as it is shown.
func (s *Server) shown(ctx context.Context, svc platform.Service) (wire.ServiceView, error) {
	var live platform.Deployment
	if svc.Live != "" {
		var err error
		if live, err = s.Records.Deployment(ctx, svc.Live); err != nil {
			return wire.ServiceView{}, err
		}
	}
	view := s.view(svc, live)
	preview, err := s.Records.Preview(ctx, svc.ID)
	if err == nil {
		view.Preview = &preview
	} else if !errors.Is(err, platform.ErrNotFound) {
		return view, err
	}
	return view, nil
}

func (s *Server) listServices(ctx context.Context, in *listServices) (*listed[wire.ServiceView], error) {
	q, err := s.serviceQuery(ctx, in)
	if err != nil {
		return nil, err
	}
	all, err := s.Records.ServicePage(ctx, q)
	if err != nil {
		return nil, err
	}
	live, err := s.Records.LiveOf(ctx, all)
	if err != nil {
		return nil, err
	}
	projects, err := s.projectNames(ctx)
	views := make([]wire.ServiceView, len(all))
	for i, svc := range all {
		views[i] = s.view(svc, live[svc.ID])
	}
	key := func(v wire.ServiceView) string {
		return strings.Join([]string{projects[v.Project], v.EnvName, v.Name}, "/")
	}
	return paged(ctx, in.Page, views, key, err)
}

// serviceQuery selects one service more than the page has.
func (s *Server) serviceQuery(ctx context.Context, in *listServices) (q ServiceQuery, err error) {
	c := caller(ctx)
	q = ServiceQuery{Account: c.Account, Projects: c.Projects, Limit: in.Limit + 1}
	after, err := in.after()
	if err != nil {
		return q, err
	}
	if parts := strings.Split(after, "/"); len(parts) == len(q.After) {
		copy(q.After[:], parts)
	}
	if in.Project != "" {
		p, err := s.project(ctx, in.Project)
		if err != nil {
			return q, err
		}
		q.Projects = []string{p.ID}
	}
	if in.Environment != "" {
		e, err := s.environment(ctx, in.Environment)
		if err != nil {
			return q, err
		}
		q.Environment = e.ID
	}
	return q, nil
}

// projectNames are the names of the account's projects by id.
func (s *Server) projectNames(ctx context.Context) (map[string]string, error) {
	all, err := s.Records.Projects(ctx, account(ctx))
	names := make(map[string]string, len(all))
	for _, p := range all {
		names[p.ID] = p.Name
	}
	return names, err
}

func (s *Server) getService(ctx context.Context, in *ServicePath) (*tagged[wire.ServiceView], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	view, err := s.shown(ctx, svc)
	if err != nil {
		return nil, err
	}
	return &tagged[wire.ServiceView]{ETag: etag(readAs(svc.Config)), Body: view}, nil
}

func (s *Server) createService(ctx context.Context, in *createService) (*body[wire.ServiceView], error) {
	project := platform.DefaultProject
	if parts := strings.Split(in.Body.Name, "/"); len(parts) == 3 {
		project = parts[0]
	}
	if err := s.place(ctx, project); err != nil {
		return nil, err
	}
	draft := platform.Service{Type: in.Body.Type}
	if err := change(in.Body.ConfigChange)(&draft.Config); err != nil {
		return nil, err
	}
	if err := s.Regions.Check(draft.Config.Region); err != nil {
		return nil, err
	}
	svc, err := s.Records.CreateService(ctx, account(ctx), in.Body.Name, draft)
	if err != nil {
		return nil, err
	}
	return answer(s.shown(ctx, svc))
}

func (s *Server) configureService(ctx context.Context, in *configureService) (*tagged[wire.Configured], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	return s.configure(ctx, svc, in.IfMatch, change(in.Body))
}

// configure changes a service's config if it still is what the client has read.
func (s *Server) configure(ctx context.Context, svc platform.Service, match IfMatch, to func(*platform.Config) error) (*tagged[wire.Configured], error) {
	d, deployed, err := s.Deployer.Configure(ctx, svc.ID, trigger(ctx, platform.TriggerConfig), func(c *platform.Config) error {
		if err := match.check(readAs(*c)); err != nil {
			return err
		}
		return to(c)
	})
	if err != nil {
		return nil, err
	}
	if svc, err = s.service(ctx, svc.ID); err != nil {
		return nil, err
	}
	view, err := s.shown(ctx, svc)
	if err != nil {
		return nil, err
	}
	out := &tagged[wire.Configured]{ETag: etag(readAs(svc.Config)), Body: wire.Configured{Service: view}}
	if deployed {
		out.Body.Deployment = &d
	}
	return out, nil
}

func (s *Server) deleteService(ctx context.Context, in *ServicePath) (*none, error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	return nil, s.withdraw(ctx, svc)
}

// withdraw stops and deletes a service. A client that goes away must not leave half of one behind.
func (s *Server) withdraw(ctx context.Context, svc platform.Service) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	return s.Deployer.Withdraw(ctx, svc.ID)
}

func (s *Server) suspendService(ctx context.Context, in *ServicePath) (*body[wire.ServiceView], error) {
	svc, err := s.live(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	if err := s.Deployer.Suspend(ctx, svc.ID); err != nil {
		return nil, err
	}
	if svc, err = s.service(ctx, svc.ID); err != nil {
		return nil, err
	}
	return answer(s.shown(ctx, svc))
}

func (s *Server) resumeService(ctx context.Context, in *ServicePath) (*body[platform.Deployment], error) {
	svc, err := s.live(ctx, in.Service)
	if err == nil && !svc.Suspended {
		err = fmt.Errorf("%w: service %s is not suspended", platform.ErrConflict, svc.Name)
	}
	if err != nil {
		return nil, err
	}
	return answer(s.Deployer.Start(ctx, deploy.Request{
		Service: svc.ID, From: svc.Live, Trigger: trigger(ctx, platform.TriggerResume),
	}))
}

func (s *Server) restartService(ctx context.Context, in *ServicePath) (*body[platform.Deployment], error) {
	svc, err := s.live(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	return answer(s.Deployer.Start(ctx, deploy.Request{
		Service: svc.ID, From: svc.Live, Trigger: trigger(ctx, platform.TriggerRestart),
		Change: restarted,
	}))
}

// restarted notes in a config that it asks for new spherelets.
func restarted(c *platform.Config) error {
	c.RestartedAt = time.Now().UTC()
	return nil
}

func (s *Server) serviceSpherelets(ctx context.Context, in *listOfService) (*listed[platform.Spherelet], error) {
	svc, err := s.service(ctx, in.Service)
	return s.spherelets(ctx, in.Page, svc.Live, err)
}

// live resolves a service that must have a live deployment.
func (s *Server) live(ctx context.Context, ref string) (platform.Service, error) {
	svc, err := s.service(ctx, ref)
	if err == nil && svc.Live == "" {
		err = fmt.Errorf("%w: nothing of service %s is live; deploy it first: csph deploy --service %s", platform.ErrConflict, svc.Name, svc.Name)
	}
	return svc, err
}

// change is what c does to a config. It fails only for what contradicts itself: whether the outcome is one that can run is
// for the records and the deployer to say.
func change(c wire.ConfigChange) func(*platform.Config) error {
	return func(to *platform.Config) error {
		if to.Env == nil {
			to.Env = map[string]string{}
		}
		for _, name := range c.UnsetEnv {
			delete(to.Env, name)
		}
		maps.Copy(to.Env, c.SetEnv)
		set(&to.Shape, c.Shape)
		set(&to.Port, c.Port)
		set(&to.Build, c.Build)
		set(&to.Dir, c.Dir)
		set(&to.Process, c.Process)
		set(&to.Run, c.Run)
		set(&to.Setup, c.Setup)
		set(&to.MaxBodyMB, c.MaxBody)
		set(&to.Sticky, c.Sticky)
		if c.Health != nil {
			to.Health = c.Health
		}
		if to.Health != nil && *to.Health == (platform.Health{}) {
			to.Health = nil
		}
		if c.Ready != nil {
			to.Ready = c.Ready
		}
		if to.Ready != nil && *to.Ready == (platform.Check{}) {
			to.Ready = nil
		}
		set(&to.Region, c.Region)
		return rescale(to, c)
	}
}

func set[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}
