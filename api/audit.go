package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"csph/platform"
)

// auditTimeout bounds the wait for writing an entry, which a client that has gone does not shorten.
const auditTimeout = 10 * time.Second

// audited has an operation that changes something written down: who makes a change together with the change, and then, by
// settle, what became of the operation.
func (s *Server) audited(ctx context.Context, op operation) (within context.Context, settle func(error)) {
	if op.method == http.MethodGet && !op.changes {
		return ctx, func(error) {}
	}
	if op.part {
		return ctx, func(err error) {
			if err != nil {
				e := s.entry(ctx, op, err)
				s.keepAudit(ctx, e, func(ctx context.Context) error { return s.Records.Audit(ctx, e) })
			}
		}
	}
	within, keep := s.Records.Announce(ctx, s.entry(ctx, op, nil))
	return within, func(err error) {
		e := s.entry(ctx, op, err)
		s.keepAudit(ctx, e, func(ctx context.Context) error { return keep(ctx, e) })
	}
}

// auditRefusal writes down that somebody was refused. Of a flood only so many are.
func (s *Server) auditRefusal(ctx context.Context, op operation, err error) {
	if s.limits.refusal.Allow() {
		e := s.entry(ctx, op, err)
		s.keepAudit(ctx, e, func(ctx context.Context) error { return s.Records.Audit(ctx, e) })
	}
}

func (s *Server) entry(ctx context.Context, op operation, err error) platform.AuditEntry {
	r, c := requestOf(ctx), caller(ctx)
	e := platform.AuditEntry{
		Time: time.Now(), Account: c.Account, Member: c.MemberName, Credential: c.Credential,
		Address: r.address, Request: r.id, Action: op.id, Target: r.target, Status: http.StatusOK,
	}
	if c.Invitation {
		e.Member = c.Name
	}
	if err != nil {
		p := s.problem(ctx, err)
		e.Status, e.Message = p.Status, p.Detail
	}
	return e
}

// keepAudit writes e by keep.
func (s *Server) keepAudit(ctx context.Context, e platform.AuditEntry, keep func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTimeout)
	defer cancel()
	if err := keep(ctx); err != nil {
		s.Logger.ErrorContext(ctx, "audit entry is lost", "action", e.Action, "target", e.Target, "member", e.Member, "request", e.Request, "err", err)
	}
}

type listAudit struct {
	Page
	After int64 `query:"after" minimum:"0" doc:"Only entries after this position"`
}

func (s *Server) auditOperations(api huma.API) {
	add(s, api, operation{
		id: "list-audit", method: http.MethodGet, path: "/v1/audit", tag: "events", need: platform.MayAdminister,
		summary: "List changes, and what was refused, newest first: who, what, when, from where",
	}, s.listAudit)
}

func (s *Server) listAudit(ctx context.Context, in *listAudit) (*listed[platform.AuditEntry], error) {
	c := caller(ctx)
	accounts := []string{c.Account}
	if c.Operator {
		accounts = append(accounts, "") // whoever failed to say who they are
	}
	before, err := in.position()
	if err != nil {
		return nil, err
	}
	all, err := s.Records.AuditPage(ctx, AuditQuery{Accounts: accounts, Before: before, After: in.After, Limit: in.Limit + 1})
	return paged(ctx, in.Page, all, func(e platform.AuditEntry) string { return strconv.FormatInt(e.Seq, 10) }, err)
}
