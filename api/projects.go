package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/platform"
)

type projectPath struct {
	Project string `path:"project" doc:"id, unique prefix of one, or name"`
}

type deleteProject struct {
	Project string `path:"project" doc:"id, unique prefix of one, or name"`
	Force   bool   `query:"force" doc:"Stop and delete its services too"`
}

type createProject struct {
	Body wire.NewProject
}

func (s *Server) projectOperations(api huma.API) {
	op := operationsOf("projects")
	create := op("create-project", http.MethodPost, "/v1/projects", "Create a project, with the environment production").needing(platform.MayAdminister).answering(http.StatusCreated)
	add(s, api, op("list-projects", http.MethodGet, "/v1/projects", "List projects"), s.listProjects)
	add(s, api, create, s.createProject)
	add(s, api, op("get-project", http.MethodGet, "/v1/projects/{project}", "Get a project"), s.getProject)
	add(s, api, op("delete-project", http.MethodDelete, "/v1/projects/{project}", "Delete a project and its environments").needing(platform.MayAdminister), s.deleteProject)
}

func (s *Server) listProjects(ctx context.Context, in *Page) (*listed[platform.Project], error) {
	all, err := s.seenProjects(ctx)
	return short(ctx, *in, all, func(p platform.Project) string { return p.Name }, err)
}

// seenProjects are the account's projects that the caller sees, by name.
func (s *Server) seenProjects(ctx context.Context) ([]platform.Project, error) {
	c := caller(ctx)
	all, err := s.Records.Projects(ctx, c.Account)
	return slices.DeleteFunc(all, func(p platform.Project) bool { return !c.Sees(p.ID) }), err
}

func (s *Server) createProject(ctx context.Context, in *createProject) (*body[platform.Project], error) {
	return answer(s.Records.CreateProject(ctx, account(ctx), in.Body.Name))
}

func (s *Server) getProject(ctx context.Context, in *projectPath) (*body[platform.Project], error) {
	return answer(s.project(ctx, in.Project))
}

func (s *Server) deleteProject(ctx context.Context, in *deleteProject) (*none, error) {
	p, err := s.project(ctx, in.Project)
	if err != nil {
		return nil, err
	}
	if in.Force {
		if err := s.withdrawAll(ctx, ServiceQuery{Account: p.Account, Projects: []string{p.ID}}); err != nil {
			return nil, err
		}
	}
	return nil, s.Records.DeleteProject(ctx, p.ID)
}

// withdrawAll stops and deletes services. One that cannot go while another of them is there goes after that.
func (s *Server) withdrawAll(ctx context.Context, q ServiceQuery) error {
	left, err := s.Records.ServicePage(ctx, q)
	for len(left) > 0 && err == nil {
		var held []platform.Service
		var why error
		for _, svc := range left {
			if failed := s.withdraw(ctx, svc); failed != nil {
				why = fmt.Errorf("delete service %s: %w", svc.Name, failed)
				if !errors.Is(failed, platform.ErrConflict) {
					return why
				}
				held = append(held, svc)
			}
		}
		if len(held) == len(left) {
			return why
		}
		left = held
	}
	return err
}
