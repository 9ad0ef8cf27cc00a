package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"csph/deploy"
	"csph/platform"
	"csph/runtime/autoscale"
	"csph/runtime/containerd"
	"csph/store"
)

// autoscaleConfig says how fast autoscaling goes.
type autoscaleConfig struct {
	Every     time.Duration `yaml:"every"`      // between two looks at the CPU use of the services that are autoscaled
	DownAfter time.Duration `yaml:"down_after"` // a count goes down once nothing in so long has asked for more
}

const leastEvery = 100 * time.Millisecond // between two looks: in less, use cannot be told from noise

func (c autoscaleConfig) validate() error {
	if c.Every < leastEvery || c.DownAfter < c.Every {
		return fmt.Errorf("autoscale.every, autoscale.down_after: %s and %s: at least %s between two looks, and no less until a count goes down", c.Every, c.DownAfter, leastEvery)
	}
	return nil
}

// fleet is the services as autoscaling wants them.
type fleet struct {
	db       *store.DB
	deployer *deploy.Deployer
	engine   *containerd.Engine
	tell     func(platform.Event, error)
}

// Subjects implements autoscale.Fleet.
func (f fleet) Subjects(ctx context.Context) ([]autoscale.Subject, error) {
	all, err := f.db.AutoscaledServices(ctx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s platform.Service) bool { return s.Live == "" || s.Suspended })
	live, err := f.db.LiveOf(ctx, all)
	if err != nil {
		return nil, fmt.Errorf("read what is live of them: %w", err)
	}
	subjects := make([]autoscale.Subject, 0, len(all))
	for _, svc := range all {
		dep := live[svc.ID]
		shape, err := platform.ShapeNamed(dep.Config.Shape)
		if err != nil {
			continue // it has just been retired
		}
		ready := slices.DeleteFunc(f.deployer.OnDuty(svc.ID), func(s platform.Spherelet) bool { return s.Deployment != dep.ID })
		subjects = append(subjects, autoscale.Subject{
			Service: svc.ID, Deployment: dep.ID, Policy: *svc.Config.Autoscale, Shape: shape, Count: svc.Size(dep), Ready: ready,
		})
	}
	return subjects, nil
}

// Used implements autoscale.Fleet.
func (f fleet) Used(spherelet string) (time.Duration, error) {
	usage, err := f.engine.Stats(spherelet)
	return usage.CPU, err
}

// Scale implements autoscale.Fleet. What it changes is in the audit log, as any change is.
func (f fleet) Scale(ctx context.Context, s autoscale.Subject, to autoscale.Decision) (autoscale.Outcome, error) {
	done, err := f.deployer.Rescale(ctx, s.Service, s.Count, to.Count, to.Why)
	out := autoscale.Outcome{Count: done.Count, Short: done.Short}
	if err != nil || out.Count == s.Count {
		return out, err
	}
	return out, f.audit(ctx, s, fmt.Sprintf("from %d to %d spherelets: %s", s.Count, out.Count, to.Why))
}

func (f fleet) audit(ctx context.Context, s autoscale.Subject, message string) error {
	svc, err := f.db.Service(ctx, s.Service)
	if err != nil {
		return err
	}
	err = f.db.Audit(ctx, platform.AuditEntry{Account: svc.Account, Member: "autoscaling", Action: "autoscale", Target: svc.ID, Status: http.StatusOK, Message: message})
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("write the scaling of %s down in the audit log: %w", svc.Name, err)
	}
	return nil
}

// Limited implements autoscale.Fleet.
func (f fleet) Limited(_ context.Context, s autoscale.Subject, to autoscale.Decision, o autoscale.Outcome) {
	message := fmt.Sprintf("autoscaling wants %d spherelets (%s), and there is room for %d: %s", to.Count, to.Why, o.Count, strings.TrimPrefix(o.Short.Error(), platform.ErrCapacity.Error()+": "))
	f.tell(platform.Event{Service: s.Service, Deployment: s.Deployment, Kind: platform.EventScaleLimited, Message: message}, nil)
}

// makeScaler makes what keeps counts in step with CPU use.
func (s *server) makeScaler() {
	s.scaler = autoscale.New(autoscale.Config{
		Every: s.config.Autoscale.Every, DownAfter: s.config.Autoscale.DownAfter, Settle: containerd.BoostTime, Logger: s.logger,
	}, fleet{s.db, s.deployer, s.engine, s.tell})
}
