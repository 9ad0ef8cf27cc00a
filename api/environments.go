package api

import (
	"context"
	"maps"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/platform"
)

type environmentPath struct {
	Environment string `path:"environment" doc:"id, unique prefix of one, name, or project/name (with / as %2F)"`
}

type deleteEnvironment struct {
	Environment string `path:"environment" doc:"id, unique prefix of one, name, or project/name (with / as %2F)"`
	Force       bool   `query:"force" doc:"Stop and delete its services too"`
}

type changeEnvironment struct {
	Environment string `path:"environment" doc:"id, unique prefix of one, name, or project/name (with / as %2F)"`
	IfMatch
	Body wire.EnvChange
}

type createEnvironment struct {
	Body wire.NewEnvironment
}

type listEnvironments struct {
	Page
	Project string `query:"project" doc:"Only those of this project"`
}

func (s *Server) environmentOperations(api huma.API) {
	op := operationsOf("environments")
	create := op("create-environment", http.MethodPost, "/v1/environments", "Create an environment").answering(http.StatusCreated)
	add(s, api, op("list-environments", http.MethodGet, "/v1/environments", "List environments"), s.listEnvironments)
	add(s, api, create, s.createEnvironment)
	add(s, api, op("get-environment", http.MethodGet, "/v1/environments/{environment}", "Get an environment with its variables"), s.getEnvironment)
	add(s, api, op("change-environment", http.MethodPatch, "/v1/environments/{environment}", "Change the variables that services inherit; each gets them with its next deployment"), s.changeEnvironment)
	add(s, api, op("delete-environment", http.MethodDelete, "/v1/environments/{environment}", "Delete an environment"), s.deleteEnvironment)
}

func (s *Server) listEnvironments(ctx context.Context, in *listEnvironments) (*listed[platform.Environment], error) {
	projects, err := s.seenProjects(ctx)
	if in.Project != "" && err == nil {
		var p platform.Project
		p, err = s.project(ctx, in.Project)
		projects = []platform.Project{p}
	}
	var all []platform.Environment
	names := map[string]string{}
	for _, p := range projects {
		var some []platform.Environment
		if err == nil {
			some, err = s.Records.Environments(ctx, p.ID)
		}
		names[p.ID] = p.Name
		all = append(all, some...)
	}
	return short(ctx, in.Page, all, func(e platform.Environment) string { return names[e.Project] + "\x00" + e.Name }, err)
}

func (s *Server) createEnvironment(ctx context.Context, in *createEnvironment) (*tagged[platform.Environment], error) {
	project, name, ok := strings.Cut(in.Body.Name, "/")
	if !ok {
		project, name = platform.DefaultProject, in.Body.Name
	}
	p, err := s.project(ctx, project)
	if err != nil {
		return nil, err
	}
	e, err := s.Records.CreateEnvironment(ctx, p.ID, name)
	if err == nil && (len(in.Body.SetEnv) > 0) {
		e, err = s.Records.UpdateEnvironment(ctx, e.ID, changeEnv(in.Body.EnvChange))
	}
	return taggedEnvironment(e, err)
}

// changeEnv is what c does to an environment.
func changeEnv(c wire.EnvChange) func(*platform.Environment) error {
	return func(e *platform.Environment) error {
		e.Env = maps.Clone(e.Env)
		if e.Env == nil {
			e.Env = map[string]string{}
		}
		for _, name := range c.UnsetEnv {
			delete(e.Env, name)
		}
		maps.Copy(e.Env, c.SetEnv)
		return nil
	}
}

func taggedEnvironment(e platform.Environment, err error) (*tagged[platform.Environment], error) {
	if err != nil {
		return nil, err
	}
	return &tagged[platform.Environment]{ETag: etag(e), Body: e}, nil
}

func (s *Server) getEnvironment(ctx context.Context, in *environmentPath) (*tagged[platform.Environment], error) {
	return taggedEnvironment(s.environment(ctx, in.Environment))
}

func (s *Server) changeEnvironment(ctx context.Context, in *changeEnvironment) (*tagged[platform.Environment], error) {
	e, err := s.environment(ctx, in.Environment)
	if err != nil {
		return nil, err
	}
	return taggedEnvironment(s.Records.UpdateEnvironment(ctx, e.ID, func(e *platform.Environment) error {
		if err := in.check(*e); err != nil {
			return err
		}
		return changeEnv(in.Body)(e)
	}))
}

func (s *Server) deleteEnvironment(ctx context.Context, in *deleteEnvironment) (*none, error) {
	e, err := s.environment(ctx, in.Environment)
	if err != nil {
		return nil, err
	}
	if in.Force {
		if err := s.withdrawAll(ctx, ServiceQuery{Account: account(ctx), Environment: e.ID}); err != nil {
			return nil, err
		}
	}
	return nil, s.Records.DeleteEnvironment(ctx, e.ID)
}
