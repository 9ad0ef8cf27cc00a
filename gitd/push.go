package gitd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"csph/gitd/bare"
	"csph/gitd/wire"
	"csph/platform"
)

// push is one push on its way: what was there, what is asked for, what became of it.
type push struct {
	session    *session
	path       string
	service    platform.Service // without an id until it exists
	repository *bare.Repository
	references map[plumbing.ReferenceName]plumbing.Hash // before the push

	update     *wire.Update
	options    wire.Options
	terminal   *wire.Terminal
	quarantine *bare.Quarantine

	refusals map[plumbing.ReferenceName]string // why a reference is not changed
	deploy   *packp.Command                    // the command that is deployed, nil for none
	commit   bare.Commit                       // what it deploys
	failed   bool                              // the references are fine, the rollout is not
}

// Branches that are deployed: the first that exists or is pushed.
const (
	mainBranch   plumbing.ReferenceName = "refs/heads/main"
	masterBranch plumbing.ReferenceName = "refs/heads/master"
)

func (p *push) close() {
	if p.quarantine == nil {
		return
	}
	if err := p.quarantine.Close(); err != nil {
		p.session.log.Warn("remove quarantine failed", "error", err)
	}
}

func (p *push) refuse(name plumbing.ReferenceName, format string, arguments ...any) {
	if p.refusals[name] == "" {
		p.refusals[name] = fmt.Sprintf(format, arguments...)
	}
}

// refuseRest refuses every reference that is not refused yet.
func (p *push) refuseRest(format string, arguments ...any) {
	for _, c := range p.update.Commands {
		p.refuse(c.Name, format, arguments...)
	}
}

// pending lists the commands that are not refused.
func (p *push) pending() []packp.Command {
	var list []packp.Command
	for _, c := range p.update.Commands {
		if p.refusals[c.Name] == "" {
			list = append(list, c)
		}
	}
	return list
}

// judgeCommands judges what can be judged before the pack is there.
func (p *push) judgeCommands() {
	p.refusals = make(map[plumbing.ReferenceName]string)
	var err error
	if p.options, err = wire.ParseOptions(p.update.Options); err != nil {
		p.refuseRest("%v", err)
		return
	}
	seen := make(map[plumbing.ReferenceName]bool)
	for _, c := range p.update.Commands {
		if seen[c.Name] {
			p.refuse(c.Name, "the push names this reference twice")
		}
		seen[c.Name] = true
		p.judgeCommand(c)
	}
}

func (p *push) judgeCommand(c packp.Command) {
	if err := wire.CheckRefName(c.Name.String()); err != nil {
		p.refuse(c.Name, "%v", err)
		return
	}
	now, exists := p.references[c.Name]
	switch {
	case deletes(c) && c.Old.IsZero() && !exists:
		p.terminal.Say("warning: %s is not there, nothing to delete", c.Name)
	case deletes(c) && c.Name == p.tracked():
		p.refuse(c.Name, "this branch is what is deployed, it cannot be deleted; push another state of it instead")
	case c.Old != now:
		p.refuse(c.Name, "%v", bare.ErrStale)
	}
}

// deletes is true also of a deletion of what neither side has, which packp calls invalid.
func deletes(c packp.Command) bool { return c.New.IsZero() }

// tracked is the branch that is deployed: main if there is one, or will be; else master.
func (p *push) tracked() plumbing.ReferenceName {
	if _, exists := p.references[mainBranch]; exists {
		return mainBranch
	}
	for _, c := range p.update.Commands {
		if c.Name == mainBranch && !deletes(c) {
			return mainBranch
		}
	}
	return masterBranch
}

// judgeTips wants every new tip, and all that is reachable from it, to be there; branches to be commits.
func (p *push) judgeTips(ctx context.Context) {
	var tips []plumbing.Hash
	for _, c := range p.pending() {
		if !deletes(c) {
			tips = append(tips, c.New)
		}
	}
	kinds, err := p.quarantine.Kinds(ctx, tips)
	if err != nil {
		p.refuseRest("%s", p.session.sentence("look at the push", err))
		return
	}
	complete := tips[:0]
	for _, c := range p.pending() {
		kind, there := kinds[c.New]
		switch {
		case deletes(c):
		case !there:
			p.refuse(c.Name, "%v", bare.ErrDisconnected)
		case c.Name.IsBranch() && kind != plumbing.CommitObject:
			p.refuse(c.Name, "a branch must point to a commit, not to a %s", kind)
		default:
			complete = append(complete, c.New)
		}
	}
	p.judgeConnected(ctx, complete)
}

// judgeConnected asks for all tips at once, and one by one only when that failed.
func (p *push) judgeConnected(ctx context.Context, tips []plumbing.Hash) {
	if len(tips) == 0 || p.quarantine.Connected(ctx, tips) == nil {
		return
	}
	for _, c := range p.pending() {
		if deletes(c) {
			continue
		}
		err := p.quarantine.Connected(ctx, []plumbing.Hash{c.New})
		if errors.Is(err, bare.ErrDisconnected) {
			p.refuse(c.Name, "%v", err)
		} else if err != nil {
			p.refuse(c.Name, "%s", p.session.sentence("check the push", err))
		}
	}
}

// choose decides what is deployed, and says so of what is not.
func (p *push) choose() {
	tracked := p.tracked()
	var stored []string
	for _, c := range p.pending() {
		switch {
		case deletes(c):
		case c.Name == tracked && !p.options.NoDeploy:
			p.deploy = &c
		case c.Name == tracked:
			stored = append(stored, c.Name.Short()+" is only stored, as -o no-deploy asks")
		default:
			stored = append(stored, c.Name.Short()+" is only stored: what is deployed is "+tracked.Short())
		}
	}
	if p.service.ID == "" && p.deploy == nil {
		return // nothing will be: only what is deployed makes a service
	}
	for _, sentence := range stored {
		p.terminal.Say("%s", sentence)
	}
}

// judgeTree looks at the files that would be deployed.
func (p *push) judgeTree(ctx context.Context) {
	if p.deploy == nil {
		return
	}
	commit, err := p.quarantine.Inspect(ctx, p.deploy.New)
	var tree *bare.TreeError
	switch {
	case errors.As(err, &tree):
		p.refuse(p.deploy.Name, "this commit cannot be deployed: %v", tree)
	case err != nil:
		p.refuse(p.deploy.Name, "%s", p.session.sentence("look at the files", err))
	}
	p.commit = commit
	if len(commit.Submodules) > 0 {
		p.terminal.Say("warning: submodules are not fetched, their folders stay empty: %s", strings.Join(commit.Submodules, ", "))
	}
	if len(commit.LFS) > 0 {
		p.terminal.Say("warning: Git LFS content is not fetched, these are deployed as pointer files: %s", strings.Join(commit.LFS, ", "))
	}
}

// atomic reports whether the client wants all or nothing.
func (p *push) atomic() bool { return p.update.Capabilities.Supports(capability.Atomic) }
