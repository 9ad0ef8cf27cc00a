package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"

	"csph/gitd"
	"csph/platform"
	"csph/runtime/containerd"
	"csph/store"
)

// files serves the files of spherelets to clients of gitd.
type files struct {
	db     *store.DB
	engine *containerd.Engine
	log    *slog.Logger
}

// ServeFiles implements gitd.Files. The server runs in the spherelet, as one of its processes.
func (f files) ServeFiles(ctx context.Context, id gitd.Identity, address, user string, stream io.ReadWriter) error {
	svc, err := f.find(ctx, id, user)
	f.audit(ctx, platform.AuditEntry{Account: id.Account, Member: id.Name, Address: address, Action: "sftp", Target: user}, err)
	if err != nil {
		return err
	}
	spherelet, err := f.serving(svc)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer end(nil)
	watching.Go(func() { end(f.replaced(ctx, svc, spherelet)) })
	exit, err := f.engine.Exec(ctx, spherelet.ID, containerd.Command{Args: []string{containerd.SFTPServer}, Stdin: stream, Stdout: stream})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return ended(svc, spherelet, exit, err)
}

// ended is why the server of files in a spherelet has ended, nil where its client has left.
func ended(svc platform.Service, spherelet platform.Spherelet, exit int, err error) error {
	switch {
	case errors.Is(err, platform.ErrInvalid):
		return fmt.Errorf("%w: the spherelets of %s were started by an older csphd; replace them first: csph services restart %s", platform.ErrConflict, svc.Name, svc.Name)
	case err == nil && exit > endedBySignal:
		return fmt.Errorf("%w: spherelet %s of %s has ended; connect again", platform.ErrConflict, spherelet.ID, svc.Name)
	case err == nil && exit != 0:
		return fmt.Errorf("serve files: the server in %s ended with %d", spherelet.ID, exit)
	}
	return err
}

// endedBySignal and the number of a signal is the exit status of what that signal has ended, as shells have it: the server
// handles none, so that its spherelet has.
const endedBySignal = 128

// find is the service whose files a client asks for. Who may not run commands in it may not have its files either: with
// them, one gets at the secrets that it runs with.
func (f files) find(ctx context.Context, id gitd.Identity, user string) (platform.Service, error) {
	if id.NoPush != nil {
		return platform.Service{}, id.NoPush
	}
	svc, err := f.db.ResolveService(ctx, id.Account, user)
	limits := platform.Caller{Projects: id.Projects}
	if err == nil && !limits.Sees(svc.Project) || err != nil && id.Projects != nil {
		return platform.Service{}, fmt.Errorf("%w: there is no service %s", platform.ErrNotFound, user)
	}
	if errors.Is(err, platform.ErrInvalid) || errors.Is(err, platform.ErrNotFound) {
		return svc, fmt.Errorf("%w; the user name of an sftp client is the name or id of a service, as in sftp -P PORT web@HOST", err)
	}
	return svc, err
}

// serving is a spherelet of what is live of a service, one that runs.
func (f files) serving(svc platform.Service) (platform.Spherelet, error) {
	if svc.Live != "" {
		for _, s := range f.engine.Spherelets(svc.Live) {
			if s.State == platform.Running {
				return s, nil
			}
		}
	}
	return platform.Spherelet{}, fmt.Errorf("%w: no spherelet of service %s runs; try again when it does", platform.ErrConflict, svc.Name)
}

// replaced blocks until a spherelet no longer is one of what is live, which the error tells its clients: the files that they
// have open cannot follow. It ends with ctx, too, and when the records cannot be read.
func (f files) replaced(ctx context.Context, svc platform.Service, spherelet platform.Spherelet) error {
	seen, err := f.db.Position(ctx)
	if err != nil {
		return err
	}
	now, err := f.db.Service(ctx, svc.ID)
	if err != nil {
		return err
	}
	if now.Live != spherelet.Deployment {
		return errReplaced(svc, now.Live)
	}
	for e, err := range f.db.Subscribe(ctx, store.Filter{Service: svc.ID, After: seen, Live: true}) {
		if err != nil {
			return err
		}
		if e.Kind == platform.EventLive && e.Deployment != spherelet.Deployment {
			return errReplaced(svc, e.Deployment)
		}
	}
	return ctx.Err()
}

func errReplaced(svc platform.Service, by string) error {
	return fmt.Errorf("%w: version %s of %s is live now, and has files of its own but for volumes; connect again", platform.ErrConflict, by, svc.Name)
}

// audit writes down that files were served, or were not.
func (f files) audit(ctx context.Context, e platform.AuditEntry, err error) {
	switch e.Status = http.StatusOK; {
	case errors.Is(err, platform.ErrNotFound):
		e.Status, e.Message = http.StatusNotFound, err.Error()
	case err != nil:
		e.Status, e.Message = http.StatusForbidden, err.Error()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := f.db.Audit(ctx, e); err != nil {
		f.log.Error("audit entry is lost", "action", e.Action, "service", e.Target, "err", err)
	}
}
