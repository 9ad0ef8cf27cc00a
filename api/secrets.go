package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/platform"
)

type setSecrets struct {
	ServicePath
	IfMatch
	Body wire.NewSecrets
}

type secretPath struct {
	ServicePath
	Secret string `path:"secret" doc:"Name of the variable"`
}

type setRegistry struct {
	ServicePath
	Body wire.NewRegistry
}

type registryPath struct {
	ServicePath
	Host string `path:"host" doc:"Of the registry"`
}

func (s *Server) secretOperations(api huma.API) {
	op := func(id, method, path, summary string) operation {
		return operation{id: id, method: method, path: "/v1/services/{service}" + path, tag: "secrets", summary: summary}
	}
	add(s, api, op("list-secrets", http.MethodGet, "/secrets", "List the names and versions of a service's secret variables"), s.listSecrets)
	add(s, api, op("set-secrets", http.MethodPost, "/secrets", "Set secret variables; what is live is rolled out again with them"), s.setSecrets)
	add(s, api, op("unset-secret", http.MethodDelete, "/secrets/{secret}", "Remove a secret variable; what is live is rolled out again without it"), s.unsetSecret)
	add(s, api, op("list-registries", http.MethodGet, "/registries", "List where a service pulls private images from"), s.listRegistries)
	add(s, api, op("set-registry", http.MethodPost, "/registries", "Keep the login for a registry, once that has said yes to it"), s.setRegistry)
	add(s, api, op("remove-registry", http.MethodDelete, "/registries/{host}", "Forget the login for a registry"), s.removeRegistry)
}

func (s *Server) listSecrets(ctx context.Context, in *listOfService) (*listed[platform.Secret], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	all, err := s.Records.Secrets(ctx, svc.ID, svc.Config.Secrets)
	return short(ctx, in.Page, all, func(v platform.Secret) string { return v.Name }, err)
}

func (s *Server) setSecrets(ctx context.Context, in *setSecrets) (*tagged[wire.Configured], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	if err := in.check(readAs(svc.Config)); err != nil {
		return nil, err
	}
	kept := map[string]int64{}
	for name, value := range in.Body.Values {
		if kept[name], err = s.Records.KeepSecret(ctx, svc.ID, name, value, caller(ctx).MemberName); err != nil {
			return nil, err
		}
	}
	return s.configure(ctx, svc, in.IfMatch, func(to *platform.Config) error {
		if to.Secrets == nil {
			to.Secrets = map[string]int64{}
		}
		for name, version := range kept {
			to.Secrets[name] = max(version, to.Secrets[name]) // of two who set it at once, the later one
		}
		return restarted(to)
	})
}

func (s *Server) unsetSecret(ctx context.Context, in *secretPath) (*tagged[wire.Configured], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	return s.configure(ctx, svc, IfMatch{}, func(to *platform.Config) error {
		if _, known := to.Secrets[in.Secret]; !known {
			return fmt.Errorf("%w: service %s has no secret %s", platform.ErrNotFound, svc.Name, in.Secret)
		}
		delete(to.Secrets, in.Secret)
		return restarted(to)
	})
}

func (s *Server) listRegistries(ctx context.Context, in *listOfService) (*listed[platform.Registry], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	all, err := s.Records.Registries(ctx, svc.ID)
	return short(ctx, in.Page, all, func(r platform.Registry) string { return r.Host }, err)
}

func (s *Server) setRegistry(ctx context.Context, in *setRegistry) (*body[platform.Registry], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	login := in.Body
	if err := s.Pullers.CheckLogin(ctx, login.Host, login.Username, login.Password); err != nil {
		return nil, err
	}
	return answer(s.Records.SetRegistry(ctx, svc.ID, platform.Registry{Host: platform.RegistryHost(login.Host), Username: login.Username, By: caller(ctx).MemberName}, login.Password))
}

func (s *Server) removeRegistry(ctx context.Context, in *registryPath) (*none, error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	return nil, s.Records.RemoveRegistry(ctx, svc.ID, in.Host)
}
