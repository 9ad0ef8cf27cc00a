package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/deploy"
	"csph/platform"
)

// DeploymentPath is a request about one deployment; exported for the same reason as ServicePath.
type DeploymentPath struct {
	Deployment string `path:"deployment" doc:"id, or a unique prefix of one"`
}

type listDeployments struct {
	Service string `query:"service" doc:"Only those of this service"`
	Limit   int    `query:"limit" default:"50" minimum:"1" maximum:"1000"`
}

type createDeployment struct {
	ServicePath
	Body wire.NewDeployment
}

func (s *Server) deploymentOperations(api huma.API) {
	op := func(id, method, path, summary string) operation {
		return operation{id: id, method: method, path: path, summary: summary, tag: "deployments"}
	}
	accepted := func(o operation) operation {
		o.status = http.StatusAccepted
		return o
	}
	add(s, api, op("list-deployments", http.MethodGet, "/v1/deployments", "List deployments, newest first"), s.listDeployments)
	add(s, api, op("get-deployment", http.MethodGet, "/v1/deployments/{deployment}", "Get a deployment"), s.getDeployment)
	add(s, api, accepted(op("create-deployment", http.MethodPost, "/v1/services/{service}/deployments", "Deploy an image")), s.createDeployment)
	add(s, api, op("cancel-deployment", http.MethodPost, "/v1/deployments/{deployment}/cancel", "Cancel a deployment that is queued or building"), s.cancelDeployment)
	add(s, api, accepted(op("redeploy", http.MethodPost, "/v1/deployments/{deployment}/redeploy", "Deploy the same image again, with the service's present config")), s.redeploy)
	add(s, api, accepted(op("rollback", http.MethodPost, "/v1/deployments/{deployment}/rollback", "Deploy the same image, config and env as then")), s.rollback)
	add(s, api, op("list-deployment-spherelets", http.MethodGet, "/v1/deployments/{deployment}/spherelets", "List a deployment's spherelets"), s.deploymentSpherelets)
}

// deployment resolves what a request calls a deployment, within the account of its token.
func (s *Server) deployment(ctx context.Context, ref string) (platform.Deployment, error) {
	return s.Records.FindDeployment(ctx, account(ctx), ref)
}

func (s *Server) listDeployments(ctx context.Context, in *listDeployments) (*body[[]platform.Deployment], error) {
	if in.Service != "" {
		svc, err := s.service(ctx, in.Service)
		if err != nil {
			return nil, err
		}
		return list(s.Records.Deployments(ctx, svc.ID, in.Limit))
	}
	own, err := s.ownServices(ctx)
	if err != nil {
		return nil, err
	}
	// Other accounts' are in between: twice as many are read until there are enough, or no more.
	for read := in.Limit; ; read *= 2 {
		all, err := s.Records.Deployments(ctx, "", read)
		if err != nil {
			return nil, err
		}
		enough := len(all) < read
		all = slices.DeleteFunc(all, func(d platform.Deployment) bool { return !own[d.Service] })
		if enough || len(all) >= in.Limit {
			return list(all[:min(in.Limit, len(all))], nil)
		}
	}
}

// ownServices are the ids of the account's services.
func (s *Server) ownServices(ctx context.Context) (map[string]bool, error) {
	all, err := s.Records.Services(ctx, account(ctx))
	if err != nil {
		return nil, err
	}
	own := make(map[string]bool, len(all))
	for _, svc := range all {
		own[svc.ID] = true
	}
	return own, nil
}

func (s *Server) getDeployment(ctx context.Context, in *DeploymentPath) (*body[platform.Deployment], error) {
	return answer(s.deployment(ctx, in.Deployment))
}

func (s *Server) createDeployment(ctx context.Context, in *createDeployment) (*body[platform.Deployment], error) {
	svc, err := s.service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	if in.Body.Image == "" {
		return nil, fmt.Errorf("%w: a deployment without an image needs a source: POST one to /v1/services/%s/uploads", platform.ErrInvalid, svc.Name)
	}
	return answer(s.Deployer.Start(ctx, deploy.Request{
		Service: svc.ID, Image: in.Body.Image, Change: change(in.Body.Change), Trigger: trigger(ctx, platform.TriggerDeploy),
	}))
}

func (s *Server) cancelDeployment(ctx context.Context, in *DeploymentPath) (*body[platform.Deployment], error) {
	d, err := s.deployment(ctx, in.Deployment)
	if err != nil {
		return nil, err
	}
	if err := s.Deployer.Cancel(ctx, d.ID); err != nil {
		return nil, err
	}
	return answer(s.Records.Deployment(ctx, d.ID))
}

func (s *Server) redeploy(ctx context.Context, in *DeploymentPath) (*body[platform.Deployment], error) {
	return s.again(ctx, in.Deployment, deploy.Request{Trigger: trigger(ctx, platform.TriggerRedeploy)})
}

func (s *Server) rollback(ctx context.Context, in *DeploymentPath) (*body[platform.Deployment], error) {
	return s.again(ctx, in.Deployment, deploy.Request{Restore: true, Trigger: trigger(ctx, platform.TriggerRollback)})
}

func (s *Server) again(ctx context.Context, ref string, r deploy.Request) (*body[platform.Deployment], error) {
	d, err := s.deployment(ctx, ref)
	if err != nil {
		return nil, err
	}
	r.Service, r.From = d.Service, d.ID
	return answer(s.Deployer.Start(ctx, r))
}

func (s *Server) deploymentSpherelets(ctx context.Context, in *DeploymentPath) (*body[[]platform.Spherelet], error) {
	d, err := s.deployment(ctx, in.Deployment)
	if err != nil {
		return nil, err
	}
	return list(s.Runtime.Spherelets(d.ID), nil)
}
