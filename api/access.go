package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"csph/platform"
)

// authorised lets requests under /v1 through whose token is known, as often as limits allow. What that
// token may do is for allowed to say.
func (s *Server) authorised(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1") {
			c, err := s.authenticate(r)
			if err != nil {
				s.refuse(w, r, err)
				return
			}
			requestOf(r.Context()).identify(c)
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) authenticate(r *http.Request) (platform.Caller, error) {
	c, err := s.identify(r)
	if err == nil {
		return c, s.limits.caller(c.Credential)
	}
	if often := s.limits.stranger(requestOf(r.Context()).address); often != nil {
		return c, often // whoever has a token is not held up by others at the same address
	}
	s.auditRefusal(r.Context(), operation{id: "authenticate"}, err)
	return c, err
}

func (s *Server) identify(r *http.Request) (platform.Caller, error) {
	token := tokenOf(r)
	if token == "" {
		return platform.Caller{}, fmt.Errorf("%w: the request carries no token", platform.ErrUnauthorized)
	}
	c, err := s.Records.Authenticate(r.Context(), token)
	if err != nil {
		return platform.Caller{}, fmt.Errorf("check the token: %w", err)
	}
	return c, nil
}

// tokenOf is the token that a request carries (RFC 6750 section 2.1), "" for none.
func tokenOf(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// allowed refuses callers without the right that an operation needs. It is the only place that does;
// what an allowed caller sees is up to the functions below, through which every name is resolved.
func (s *Server) allowed(op operation) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		err := caller(hc.Context()).Check(op.right())
		if err == nil {
			next(hc)
			return
		}
		s.auditRefusal(hc.Context(), op, err)
		r, w := humago.Unwrap(hc)
		s.refuse(w, r, err)
	}
}

// hidden is the error for what exists, but not for the caller: the same as for what does not.
func hidden(noun, ref string) error {
	return fmt.Errorf("%w: there is no %s %s", platform.ErrNotFound, noun, ref)
}

// service resolves what a request calls a service.
func (s *Server) service(ctx context.Context, ref string) (platform.Service, error) {
	c := caller(ctx)
	svc, err := s.Records.ResolveService(ctx, c.Account, ref)
	if err == nil && c.Sees(svc.Project) {
		return svc, nil
	}
	if err == nil || c.Projects != nil { // the error may name services that the caller does not see
		err = hidden("service", ref)
	}
	return platform.Service{}, err
}

// serviceID is the id of the service that a list is limited to, "" where ref says none.
func (s *Server) serviceID(ctx context.Context, ref string) (string, error) {
	if ref == "" {
		return "", nil
	}
	svc, err := s.service(ctx, ref)
	return svc.ID, err
}

// deployment resolves what a request calls a deployment.
func (s *Server) deployment(ctx context.Context, ref string) (platform.Deployment, error) {
	c := caller(ctx)
	d, err := s.Records.FindDeployment(ctx, c.Account, ref)
	if err != nil || c.Projects == nil {
		return d, err
	}
	if svc, err := s.Records.Service(ctx, d.Service); err != nil || !c.Sees(svc.Project) {
		return platform.Deployment{}, hidden("deployment", ref)
	}
	return d, nil
}

// project resolves what a request calls a project.
func (s *Server) project(ctx context.Context, ref string) (platform.Project, error) {
	c := caller(ctx)
	p, err := s.Records.ResolveProject(ctx, c.Account, ref)
	if err == nil && !c.Sees(p.ID) {
		return platform.Project{}, hidden("project", ref)
	}
	return p, err
}

// environment resolves what a request calls an environment.
func (s *Server) environment(ctx context.Context, ref string) (platform.Environment, error) {
	c := caller(ctx)
	e, err := s.Records.ResolveEnvironment(ctx, c.Account, ref)
	if err == nil && !c.Sees(e.Project) {
		return platform.Environment{}, hidden("environment", ref)
	}
	return e, err
}

// place checks that the caller may make the service that ref names where it names it.
func (s *Server) place(ctx context.Context, project string) error {
	if caller(ctx).Projects == nil {
		return nil // the records say whether it exists
	}
	_, err := s.project(ctx, project)
	return err
}
