package storetest

import (
	"errors"

	"csph/platform"
	"csph/store"
)

var startTests = map[string]func(*fixture){
	"TheFirstStartMakesTheDefaultsAndAnAdminToken": func(f *fixture) {
		projects, err := f.Projects(f.ctx, f.account)
		f.ok(err)
		same(f, "number of projects", len(projects), 1)
		same(f, "project", projects[0].Name, store.DefaultProject)
		envs, err := f.Environments(f.ctx, projects[0].ID)
		f.ok(err)
		same(f, "number of environments", len(envs), 1)
		same(f, "environment", envs[0].Name, store.DefaultEnvironment)
		token, err := f.Authenticate(f.ctx, f.token)
		f.ok(err)
		same(f, "account of the token", token.Account, f.account)
		a, err := f.Account(f.ctx, f.account)
		f.ok(err)
		same(f, "account", a.Name, store.DefaultAccount)
	},
	"ALaterStartMakesNothing": func(f *fixture) {
		created, err := f.Bootstrap(f.ctx, func(string) error {
			f.t.Error("a second admin token was handed out")
			return nil
		})
		f.ok(err)
		same(f, "created", created, false)
	},
	"ProjectsAreMadeWithAProductionEnvironmentAndUniqueNames": func(f *fixture) {
		p, err := f.CreateProject(f.ctx, f.account, "shop")
		f.ok(err)
		envs, err := f.Environments(f.ctx, p.ID)
		f.ok(err)
		same(f, "environment", envs[0].Name, store.DefaultEnvironment)
		read, err := f.Project(f.ctx, p.ID)
		f.ok(err)
		same(f, "project", read, p)
		_, err = f.CreateProject(f.ctx, f.account, "shop")
		f.refused(err, platform.ErrConflict)
		_, err = f.CreateProject(f.ctx, f.account, "No Label")
		f.refused(err, platform.ErrInvalid)
		_, err = f.CreateProject(f.ctx, "acc_none", "other")
		f.refused(err, platform.ErrNotFound)
		_, err = f.Project(f.ctx, "prj_none")
		f.refused(err, platform.ErrNotFound)
	},
	"EnvironmentsAreMadeInAProjectWithUniqueNames": func(f *fixture) {
		projects, err := f.Projects(f.ctx, f.account)
		f.ok(err)
		_, err = f.CreateEnvironment(f.ctx, projects[0].ID, "staging")
		f.ok(err)
		_, err = f.CreateEnvironment(f.ctx, projects[0].ID, "staging")
		f.refused(err, platform.ErrConflict)
		_, err = f.CreateEnvironment(f.ctx, projects[0].ID, "-")
		f.refused(err, platform.ErrInvalid)
		_, err = f.CreateEnvironment(f.ctx, "prj_none", "staging")
		f.refused(err, platform.ErrNotFound)
	},
	"VariablesOfAnEnvironmentAreKept": func(f *fixture) {
		s := f.service("web")
		e, err := f.UpdateEnvironment(f.ctx, s.Environment, func(e *platform.Environment) error {
			e.Env = map[string]string{"A": "1", "EMPTY": "", "TEXT": "line\nline \x01 ünï"}
			return nil
		})
		f.ok(err)
		read, err := f.Environment(f.ctx, s.Environment)
		f.ok(err)
		for name, want := range map[string]string{"A": "1", "EMPTY": "", "TEXT": "line\nline \x01 ünï"} {
			same(f, name, read.Env[name], want)
			same(f, name+" as returned", e.Env[name], want)
		}
		same(f, "number of variables", len(read.Env), 3)
	},
	"AChangeOfAnEnvironmentThatFailsLeavesItAsItIs": func(f *fixture) {
		s := f.service("web")
		stop := errors.New("stop")
		_, err := f.UpdateEnvironment(f.ctx, s.Environment, func(e *platform.Environment) error {
			e.Env = map[string]string{"A": "1"}
			return stop
		})
		f.refused(err, stop)
		for _, bad := range []map[string]string{{"": "x"}, {"A=B": "x"}, {"A": "\x00"}} {
			_, err = f.UpdateEnvironment(f.ctx, s.Environment, func(e *platform.Environment) error { e.Env = bad; return nil })
			f.refused(err, platform.ErrInvalid)
		}
		read, err := f.Environment(f.ctx, s.Environment)
		f.ok(err)
		same(f, "number of variables", len(read.Env), 0)
		_, err = f.UpdateEnvironment(f.ctx, "env_none", func(*platform.Environment) error { return nil })
		f.refused(err, platform.ErrNotFound)
	},
}
