package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"csph/api/wire"
	"csph/deploy"
	"csph/platform"
)

// DeploymentPath is a request about one deployment; exported for the same reason as ServicePath.
type DeploymentPath struct {
	Deployment string `path:"deployment" doc:"id, or a unique prefix of one"`
}

// listOfDeployment is a request for a list of what a deployment has.
type listOfDeployment struct {
	DeploymentPath
	Page
}

type listDeployments struct {
	PageOfService
	Status platform.Status `query:"status" doc:"Only those with this status" enum:"queued,building,rolling_out,health_check,live,retired,failed,canceled,superseded"`
}

type createDeployment struct {
	ServicePath
	Body wire.NewDeployment
}

func (s *Server) deploymentOperations(api huma.API) {
	op := operationsOf("deployments")
	add(s, api, op("list-deployments", http.MethodGet, "/v1/deployments", "List deployments, newest first"), s.listDeployments)
	add(s, api, op("get-deployment", http.MethodGet, "/v1/deployments/{deployment}", "Get a deployment"), s.getDeployment)
	add(s, api, op("create-deployment", http.MethodPost, "/v1/services/{service}/deployments", "Deploy an image or a repository").answering(http.StatusAccepted), s.createDeployment)
	add(s, api, op("cancel-deployment", http.MethodPost, "/v1/deployments/{deployment}/cancel", "Cancel a deployment that is queued or building"), s.cancelDeployment)
	add(s, api, op("redeploy", http.MethodPost, "/v1/deployments/{deployment}/redeploy", "Deploy the same image again, with the service's present config").answering(http.StatusAccepted), s.redeploy)
	add(s, api, op("rollback", http.MethodPost, "/v1/deployments/{deployment}/rollback", "Deploy the same image, config and env as then").answering(http.StatusAccepted), s.rollback)
	add(s, api, op("list-deployment-spherelets", http.MethodGet, "/v1/deployments/{deployment}/spherelets", "List a deployment's spherelets"), s.deploymentSpherelets)
}

func (s *Server) listDeployments(ctx context.Context, in *listDeployments) (*listed[platform.Deployment], error) {
	c := caller(ctx)
	q := DeploymentQuery{Account: c.Account, Projects: c.Projects, Status: in.Status, Limit: in.Limit + 1}
	var err error
	if q.Before, err = in.after(); err != nil {
		return nil, err
	}
	if q.Service, err = s.serviceID(ctx, in.Service); err != nil {
		return nil, err
	}
	all, err := s.Records.DeploymentPage(ctx, q)
	return paged(ctx, in.Page, all, func(d platform.Deployment) string { return d.ID }, err)
}

// ownServices are the ids of the services that the caller sees.
func (s *Server) ownServices(ctx context.Context) (map[string]bool, error) {
	c := caller(ctx)
	all, err := s.Records.ServicePage(ctx, ServiceQuery{Account: c.Account, Projects: c.Projects})
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
	r := deploy.Request{Service: svc.ID, Image: in.Body.Image, NoCache: in.Body.NoCache, Change: change(in.Body.Change), Trigger: trigger(ctx, platform.TriggerDeploy)}
	switch fetched := in.Body.Repo != "" || in.Body.Fetch; {
	case fetched && r.Image != "":
		return nil, fmt.Errorf("%w: a deployment is of an image or of a repository, not of both", platform.ErrInvalid)
	case fetched:
		if r.Source, err = s.Remotes.Source(ctx, svc.ID, in.Body.Repo, in.Body.Branch); err != nil {
			return nil, err
		}
	case in.Body.Branch != "":
		return nil, fmt.Errorf("%w: a branch is of a repository; name one, or fetch the connected one", platform.ErrInvalid)
	case r.Image == "":
		return nil, fmt.Errorf("%w: a deployment needs an image, a repository, or a source: POST one to /v1/services/%s/uploads", platform.ErrInvalid, svc.Name)
	}
	return answer(s.Deployer.Start(ctx, r))
}

func (s *Server) cancelDeployment(ctx context.Context, in *DeploymentPath) (*body[platform.Deployment], error) {
	d, err := s.deployment(ctx, in.Deployment)
	if err != nil {
		return nil, err
	}
	if err := s.Records.Audit(ctx); err != nil { // what is cancelled writes its end itself, and does not know for whom
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

func (s *Server) deploymentSpherelets(ctx context.Context, in *listOfDeployment) (*listed[platform.Spherelet], error) {
	d, err := s.deployment(ctx, in.Deployment)
	return s.spherelets(ctx, in.Page, d.ID, err)
}

// spherelets lists those of a deployment; there are none of "".
func (s *Server) spherelets(ctx context.Context, p Page, deployment string, err error) (*listed[platform.Spherelet], error) {
	var all []platform.Spherelet
	if err == nil && deployment != "" {
		all = s.Runtime.Spherelets(deployment)
	}
	return short(ctx, p, all, func(one platform.Spherelet) string { return one.ID }, err)
}
