package deploy

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"csph/platform"
)

// reference is ${NAME}, where NAME is a variable of the same service, or <service>_<variable> of another one of
// the same environment (SPEC section 3).
var reference = regexp.MustCompile(`\$\{([A-Za-z0-9][A-Za-z0-9_-]*)\}`)

// deepest is how many references may lead from one to the next.
const deepest = 8

// referrer resolves the references in the variables of one service.
type referrer struct {
	d      *Deployer
	svc    platform.Service
	others []platform.Service           // of the same environment
	known  map[string]map[string]string // variables, by service
}

// resolveEnv returns env with its references replaced. Those that stand for nothing stay as they are written.
func (d *Deployer) resolveEnv(ctx context.Context, svc platform.Service, env map[string]string) (map[string]string, error) {
	if !slices.ContainsFunc(slices.Collect(maps.Values(env)), reference.MatchString) {
		return env, nil
	}
	all, err := d.Records.Services(ctx, svc.Account)
	if err != nil {
		return nil, fmt.Errorf("list the services that variables refer to: %w", err)
	}
	r := &referrer{d: d, svc: svc, known: map[string]map[string]string{svc.ID: withNames(svc, env)}}
	for _, other := range all {
		if other.Environment == svc.Environment {
			r.others = append(r.others, other)
		}
	}
	slices.SortFunc(r.others, func(a, b platform.Service) int { return len(b.Name) - len(a.Name) }) // web-api before web
	resolved := make(map[string]string, len(env))
	for name, value := range env {
		if resolved[name], err = r.expand(ctx, svc, name, value, 0); err != nil {
			return nil, err
		}
	}
	return resolved, nil
}

// unresolved says which references are left in env; "" for none.
func unresolved(env map[string]string) string {
	var left []string
	for _, value := range env {
		left = append(left, reference.FindAllString(value, -1)...)
	}
	if len(left) == 0 {
		return ""
	}
	slices.Sort(left)
	return "; not known, and kept as written: " + strings.Join(slices.Compact(left), ", ")
}

// withNames adds to the variables of a service what it is called and listens on.
func withNames(svc platform.Service, env map[string]string) map[string]string {
	out := map[string]string{"hostname": svc.Name, "port": strconv.Itoa(platform.Deployment{Config: svc.Config}.Port())}
	maps.Copy(out, env)
	return out
}

// expand replaces the references in the value of a service's variable. One that leads back to itself, and one at
// the end of too long a chain, stays.
func (r *referrer) expand(ctx context.Context, of platform.Service, variable, value string, depth int) (string, error) {
	var failed error
	out := reference.ReplaceAllStringFunc(value, func(written string) string {
		if depth >= deepest || failed != nil {
			return written
		}
		owner, key, found, ok, err := r.find(ctx, of, written[2:len(written)-1])
		if err == nil && ok && (owner.ID != of.ID || key != variable) {
			found, err = r.expand(ctx, owner, key, found, depth+1)
		} else {
			found = written
		}
		failed = err
		return found
	})
	return out, failed
}

// find looks a reference up that a variable of a service makes: in the service itself, then in others.
func (r *referrer) find(ctx context.Context, of platform.Service, name string) (owner platform.Service, key, value string, ok bool, err error) {
	if value, ok := r.known[of.ID][name]; ok {
		return of, name, value, true, nil
	}
	return r.elsewhere(ctx, name)
}

// elsewhere finds a variable of another service by <service>_<variable>; a - in a service's name may be written _.
func (r *referrer) elsewhere(ctx context.Context, name string) (owner platform.Service, key, value string, ok bool, err error) {
	for _, other := range r.others {
		for _, prefix := range []string{other.Name, strings.ReplaceAll(other.Name, "-", "_")} {
			key, ok := strings.CutPrefix(name, prefix+"_")
			if !ok {
				continue
			}
			env, err := r.envOf(ctx, other)
			if err != nil {
				return other, key, "", false, err
			}
			if value, ok := env[key]; ok {
				return other, key, value, true, nil
			}
		}
	}
	return owner, "", "", false, nil
}

// envOf are the variables of another service: those of what is live of it, else those its next deployment gets.
func (r *referrer) envOf(ctx context.Context, svc platform.Service) (map[string]string, error) {
	if env, ok := r.known[svc.ID]; ok {
		return env, nil
	}
	dep := platform.Deployment{Service: svc.ID, Name: svc.Name}
	var err error
	if svc.Live != "" {
		dep, err = r.d.Records.Deployment(ctx, svc.Live)
	} else {
		dep.Config, err = r.d.freeze(ctx, svc)
	}
	if err != nil {
		return nil, fmt.Errorf("read the variables of %s: %w", svc.Name, err)
	}
	env, err := r.d.ownEnv(ctx, dep)
	if err != nil {
		return nil, err
	}
	env["port"] = strconv.Itoa(dep.Port())
	r.known[svc.ID] = withNames(svc, env)
	return r.known[svc.ID], nil
}

// ownEnv are the variables of a deployment, each of its sources over the one before (SPEC section 3): environment,
// service, secrets, zerops.yml. References in them are not resolved.
func (d *Deployer) ownEnv(ctx context.Context, dep platform.Deployment) (map[string]string, error) {
	secrets, err := d.secretsOf(ctx, dep)
	if err != nil {
		return nil, err
	}
	env := maps.Clone(dep.Config.Env)
	if env == nil {
		env = map[string]string{}
	}
	maps.Copy(env, secrets)
	if dep.Image.Runtime != nil {
		maps.Copy(env, dep.Image.Runtime.Env)
	}
	return env, nil
}
