package gitd

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"csph/gitd/bare"
	"csph/gitd/wire"
	"csph/platform"
)

// receive serves one git push: references out, commands and pack in, judgement, deployment, report.
func (s *session) receive(ctx context.Context, path string) int {
	if err := s.identity.NoPush; err != nil {
		s.tellRefused(ctx, path, err)
		return s.refuse(err.Error())
	}
	p, err := s.openPush(ctx, path)
	if err != nil {
		s.tellRefused(ctx, path, err)
		return s.refuse(s.sentence("open the repository", err))
	}
	receiving, cancel := context.WithTimeoutCause(ctx, s.server.config.Receive, errTooSlow)
	defer cancel()
	if err := p.advertise(s); err != nil {
		return exitFailed // the client is gone
	}
	in := s.inflow(receiving)
	defer in.Close()
	if p.update, err = wire.ReadUpdate(in); err != nil {
		return s.refuse(err.Error())
	}
	if len(p.update.Commands) == 0 {
		return exitOK
	}
	return p.serve(ctx, receiving, in)
}

// tellRefused passes on that a push was refused.
func (s *session) tellRefused(ctx context.Context, path string, why error) {
	if told := s.server.config.Refused; told != nil {
		told(ctx, s.identity, hostOf(s.RemoteAddr()), path, why)
	}
}

var errTooSlow = errors.New("the push took too long to arrive")

// openPush looks at what is there before the push. A service that does not exist is an empty repository.
func (s *session) openPush(ctx context.Context, path string) (*push, error) {
	p := &push{session: s, path: path, repository: s.server.store.Empty()}
	var err error
	if p.service, err = s.resolve(ctx, path); err != nil && !errors.Is(err, platform.ErrNotFound) {
		return nil, err
	}
	if p.service.ID != "" {
		p.repository, err = s.server.store.Repository(p.service.ID)
		if errors.Is(err, platform.ErrNotFound) {
			p.repository, err = s.server.store.Empty(), nil
		}
		if err != nil {
			return nil, err
		}
	}
	p.references, err = p.repository.References(ctx)
	return p, err
}

// noThin tells clients to send whole packs only (gitprotocol-capabilities(5)).
const noThin capability.Capability = "no-thin"

// agent is how the server names itself.
const agent = "csph/1"

// advertise sends the references and what the server can do (gitprotocol-pack(5)).
func (p *push) advertise(out io.Writer) error {
	message := packp.NewAdvRefs()
	for name, id := range p.references {
		message.References[name.String()] = id
	}
	var err error
	if message.Shallows, err = p.repository.Shallow(); err != nil {
		return err
	}
	capabilities := []capability.Capability{capability.ReportStatus, capability.DeleteRefs, capability.Sideband64k,
		capability.Quiet, capability.Atomic, capability.OFSDelta, capability.PushOptions}
	if !p.session.server.store.Thin() {
		capabilities = append(capabilities, noThin)
	}
	for _, c := range capabilities {
		err = errors.Join(err, message.Capabilities.Set(c))
	}
	if err = errors.Join(err, message.Capabilities.Set(capability.Agent, agent)); err != nil {
		return fmt.Errorf("list capabilities: %w", err)
	}
	if err := message.Encode(out); err != nil {
		return fmt.Errorf("send references: %w", err)
	}
	return nil
}

// serve does what the update request asks for, and reports.
func (p *push) serve(ctx, receiving context.Context, in io.ReadCloser) int {
	p.terminal = wire.NewTerminal(p.update.Capabilities, p.session, p.session.Stderr())
	beating, still := context.WithCancel(ctx)
	defer still()
	p.session.server.tasks.start(func() { p.terminal.KeepAlive(beating, p.session.server.config.Progress) })
	defer p.close()

	unpacked := p.take(receiving, in)
	if unpacked == nil {
		p.settle(ctx)
	}
	still()
	return p.report(unpacked)
}

// take judges the commands, takes the pack in and judges what it brought. An error is about the whole push.
func (p *push) take(ctx context.Context, in io.ReadCloser) error {
	p.judgeCommands()
	if !p.update.NeedsPack() {
		return nil
	}
	quarantine, err := p.repository.Quarantine()
	if err != nil {
		return errors.New(p.session.sentence("make room for the push", err))
	}
	p.quarantine = quarantine
	var progress io.Writer = p.terminal
	if p.update.Capabilities.Supports(capability.Quiet) {
		progress = io.Discard
	}
	if err := quarantine.Index(ctx, in, p.update.Shallow, progress); err != nil {
		return p.indexError(ctx, err)
	}
	p.judgeTips(ctx)
	p.choose()
	p.judgeTree(ctx)
	return nil
}

func (p *push) indexError(ctx context.Context, err error) error {
	limit := p.session.server.config.Limits.WithDefaults().Pack
	switch {
	case errors.Is(context.Cause(ctx), errTooSlow):
		return fmt.Errorf("%w: more than %s", errTooSlow, p.session.server.config.Receive)
	case errors.Is(err, bare.ErrTooLarge):
		return fmt.Errorf("the push is larger than the %d MB that are allowed; is something in it that should not be in git?", limit>>20)
	case errors.Is(err, bare.ErrDiskFull):
		return errors.New("the server's disk is full; nothing was changed")
	case errors.Is(err, bare.ErrCorrupt):
		return err
	}
	return errors.New(p.session.sentence("take the pack in", err))
}

// report tells the client what became of each reference, and returns the exit status.
func (p *push) report(unpacked error) int {
	status := packp.NewReportStatus()
	status.UnpackStatus = "ok"
	exit := exitOK
	if unpacked != nil {
		status.UnpackStatus, exit = wire.OneLine(unpacked.Error()), exitFailed
		p.refuseRest("nothing was taken over")
	}
	for _, c := range p.update.Commands {
		result := "ok"
		if refusal := p.refusals[c.Name]; refusal != "" {
			result, exit = wire.OneLine(refusal), exitFailed
		}
		name := plumbing.ReferenceName(wire.Printable(c.Name.String()))
		status.CommandStatuses = append(status.CommandStatuses, &packp.CommandStatus{ReferenceName: name, Status: result})
	}
	if err := p.terminal.Report(status); err != nil {
		p.session.log.Debug("send report failed", "error", err)
	}
	if p.failed {
		exit = exitFailed
	}
	return exit
}
