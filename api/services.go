package api

import (
	"context"
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

type configure struct {
	ServicePath
	Body wire.ConfigChange
}

type createService struct {
	Body wire.NewService
}

func (s *Server) serviceOperations(api huma.API) {
	op := func(id, method, path, summary string) operation {
		return operation{id: id, method: method, path: path, summary: summary, tag: "services"}
	}
	create := op("create-service", http.MethodPost, "/v1/services", "Create a service")
	create.status = http.StatusCreated
	restart := op("restart-service", http.MethodPost, "/v1/services/{service}/restart", "Replace all spherelets by new ones, without a build")
	restart.status = http.StatusAccepted
	add(s, api, op("list-services", http.MethodGet, "/v1/services", "List services"), s.listServices)
	add(s, api, create, s.createService)
	add(s, api, op("get-service", http.MethodGet, "/v1/services/{service}", "Get a service"), s.getService)
	add(s, api, op("configure-service", http.MethodPatch, "/v1/services/{service}", "Change a service's config; what is live is rolled out again with it"), s.configureService)
	add(s, api, op("delete-service", http.MethodDelete, "/v1/services/{service}", "Stop and delete a service with everything it has"), s.deleteService)
	add(s, api, restart, s.restartService)
	add(s, api, op("list-service-spherelets", http.MethodGet, "/v1/services/{service}/spherelets", "List the spherelets of what is live"), s.serviceSpherelets)
}

// withdrawTimeout bounds the deletion of a service: drain, grace, and as much again.
const withdrawTimeout = 5 * time.Minute

// service resolves what a request calls a service, within the account of its token.
func (s *Server) service(ctx context.Context, ref string) (platform.Service, error) {
	found, err := s.Records.ResolveService(ctx, account(ctx), ref)
	if err == nil || !strings.HasPrefix(ref, platform.ServicePrefix+"_") {
		return found, err
	}
	all, listErr := s.Records.Services(ctx, account(ctx))
	if listErr != nil {
		return platform.Service{}, listErr
	}
	matches := 0
	for _, svc := range all {
		if strings.HasPrefix(svc.ID, ref) {
			found = svc
			matches++
		}
	}
	switch matches {
	case 0:
		return platform.Service{}, err
	case 1:
		return found, nil
	}
	return platform.Service{}, fmt.Errorf("%w: %s is the start of %d services' ids; write more of it", platform.ErrConflict, ref, matches)
}

func (s *Server) view(svc platform.Service) wire.ServiceView {
	return wire.ServiceView{Service: svc, URL: s.URL(svc)}
}

func (s *Server) listServices(ctx context.Context, _ *none) (*body[[]wire.ServiceView], error) {
	all, err := s.Records.Services(ctx, account(ctx))
	views := make([]wire.ServiceView, len(all))
	for i, svc := range all {
		views[i] = s.view(svc)
	}
	return list(views, err)
}

func (s *Server) getService(ctx context.Context, in *ServicePath) (*body[wire.ServiceView], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	return answer(s.view(svc), nil)
}

func (s *Server) createService(ctx context.Context, in *createService) (*body[wire.ServiceView], error) {
	draft := platform.Service{Type: in.Body.Type}
	if err := change(in.Body.ConfigChange)(&draft.Config); err != nil {
		return nil, err
	}
	svc, err := s.Records.CreateService(ctx, account(ctx), in.Body.Name, draft)
	if err != nil {
		return nil, err
	}
	return answer(s.view(svc), nil)
}

func (s *Server) configureService(ctx context.Context, in *configure) (*body[wire.Configured], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	d, deployed, err := s.Deployer.Configure(ctx, svc.ID, trigger(ctx, platform.TriggerConfig), change(in.Body))
	if err != nil {
		return nil, err
	}
	if svc, err = s.service(ctx, svc.ID); err != nil {
		return nil, err
	}
	out := wire.Configured{Service: s.view(svc)}
	if deployed {
		out.Deployment = &d
	}
	return answer(out, nil)
}

func (s *Server) deleteService(ctx context.Context, in *ServicePath) (*none, error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	// A client that goes away must not leave half a service behind.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	return nil, s.Deployer.Withdraw(ctx, svc.ID)
}

func (s *Server) restartService(ctx context.Context, in *ServicePath) (*body[platform.Deployment], error) {
	svc, err := s.live(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	return answer(s.Deployer.Start(ctx, deploy.Request{
		Service: svc.ID, From: svc.Live, Trigger: trigger(ctx, platform.TriggerRedeploy),
	}))
}

func (s *Server) serviceSpherelets(ctx context.Context, in *ServicePath) (*body[[]platform.Spherelet], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	if svc.Live == "" {
		return list[platform.Spherelet](nil, nil)
	}
	return list(s.Runtime.Spherelets(svc.Live), nil)
}

// live resolves a service that must have a live deployment.
func (s *Server) live(ctx context.Context, ref string) (platform.Service, error) {
	svc, err := s.service(ctx, ref)
	if err == nil && svc.Live == "" {
		err = fmt.Errorf("%w: nothing of service %s is live; deploy it first: csph deploy --service %s", platform.ErrConflict, svc.Name, svc.Name)
	}
	return svc, err
}

// change is what c does to a config. It never fails: whether the outcome is one that can run is for
// the records and the deployer to say.
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
		set(&to.Count, c.Count)
		set(&to.Port, c.Port)
		set(&to.Build, c.Build)
		set(&to.Run, c.Run)
		if c.Ready != nil {
			to.Ready = c.Ready
		}
		if to.Ready != nil && *to.Ready == (platform.Check{}) {
			to.Ready = nil
		}
		return nil
	}
}

func set[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}
