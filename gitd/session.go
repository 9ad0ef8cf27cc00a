package gitd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"csph/gitd/wire"
	"csph/platform"
)

// session is one git command of one client.
type session struct {
	ssh.Session
	server   *Server
	conn     *gossh.ServerConn
	identity Identity
	log      *slog.Logger
}

// openSession lets one session channel in. Its context ends as soon as the client has closed the
// channel, hung up or stopped answering, or the server is to stop.
func (s *Server) openSession(_ *ssh.Server, conn *gossh.ServerConn, channel gossh.NewChannel, ctx ssh.Context) {
	identity, _ := ctx.Value(identityKey{}).(Identity)
	visitor, _ := ctx.Value(guestKey{}).(*guest)
	if visitor == nil || !visitor.enter() {
		// The client that cannot be told is one that is gone.
		_ = channel.Reject(gossh.ResourceShortage, "too many sessions on this connection")
		return
	}
	defer visitor.exit()
	here, leave := context.WithCancel(ctx)
	defer leave()
	defer context.AfterFunc(s.alive, leave)()

	ended := make(chan *time.Timer, 1)
	handle := func(raw ssh.Session) {
		one := &session{Session: raw, server: s, conn: conn, identity: identity,
			log: s.log.With("remote", raw.RemoteAddr().String(), "key", identity.Name)}
		one.exit(one.run(here))
		ended <- time.AfterFunc(goodbye, func() { conn.Close() })
	}
	filtered := &sessionChannel{NewChannel: channel, closed: leave}
	ssh.DefaultSessionHandler(&ssh.Server{
		Handler:           handle,
		PtyCallback:       func(ssh.Context, ssh.Pty) bool { return false },
		SubsystemHandlers: map[string]ssh.SubsystemHandler{"default": handle},
	}, conn, filtered, ctx)
	if filtered.handled {
		(<-ended).Stop()
	}
}

// sessionChannel is a session channel on which only harmless requests arrive.
type sessionChannel struct {
	gossh.NewChannel
	closed  func() // called when the client closes the channel, by will or by dying
	handled bool   // a command was started; read after the last request
}

func (c *sessionChannel) Accept() (gossh.Channel, <-chan *gossh.Request, error) {
	channel, requests, err := c.NewChannel.Accept()
	if err != nil {
		return nil, nil, err
	}
	allowed := make(chan *gossh.Request)
	go c.filter(requests, allowed)
	return channel, allowed, nil
}

// filter ends with the channel.
func (c *sessionChannel) filter(requests <-chan *gossh.Request, allowed chan<- *gossh.Request) {
	defer close(allowed)
	defer c.closed()
	environment := false
	for request := range requests {
		switch request.Type {
		case "exec", "shell", "subsystem":
			c.handled = true
			allowed <- request
		case "env":
			if isProtocol(request.Payload) && !environment {
				environment = true
				allowed <- request
				continue
			}
			refuseRequest(request)
		default: // pty-req, auth-agent-req, x11-req, signal, break, window-change …
			refuseRequest(request)
		}
	}
}

func refuseRequest(request *gossh.Request) {
	if request.WantReply {
		// The client that cannot be told is one that is gone.
		_ = request.Reply(false, nil)
	}
}

// isProtocol accepts the one variable that git sends, to ask for a version of the fetch protocol.
func isProtocol(payload []byte) bool {
	var variable struct{ Name, Value string }
	return gossh.Unmarshal(payload, &variable) == nil && variable.Name == "GIT_PROTOCOL" && protocolVersion.MatchString(variable.Value)
}

var protocolVersion = regexp.MustCompile(`^version=[012]$`)

// Exit statuses of a session.
const (
	exitOK      = 0
	exitFailed  = 1
	exitRefused = 128 // as git's own programs
)

// run does what the client asks for and returns the exit status. A panic ends this session only.
func (s *session) run(ctx context.Context) (status int) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("session panicked", "panic", p, "stack", string(debug.Stack()))
			status = exitRefused
		}
	}()
	if !s.server.tasks.start(func() { s.watch(ctx) }) {
		return s.refuse("the server is shutting down; push again in a moment")
	}
	if name := s.Subsystem(); name != "" {
		return s.serveFiles(ctx, name)
	}
	command, err := wire.ParseCommand(s.RawCommand())
	if err != nil {
		return s.refuse(err.Error())
	}
	s.log = s.log.With("path", command.Path)
	switch command.Verb {
	case wire.ReceivePack:
		return s.receive(ctx, command.Path)
	default:
		return s.upload(ctx, command.Path)
	}
}

// refuse says why on standard error.
func (s *session) refuse(sentence string) int {
	_, _ = io.WriteString(s.Stderr(), "csph: "+wire.OneLine(sentence)+"\n") // nobody to tell but the client itself
	return exitRefused
}

// goodbye is how long a client may take to close a session that has ended, before it is cut off.
const goodbye = 10 * time.Second

// exit sends the exit status and closes the channel.
func (s *session) exit(status int) {
	if err := s.Exit(status); err != nil && !errors.Is(err, io.EOF) {
		s.log.Debug("send exit status failed", "error", err)
	}
}

// watch asks the client, again and again, whether it is there, and cuts it off when it does not answer.
func (s *session) watch(ctx context.Context) {
	ticker := time.NewTicker(s.server.config.KeepAlive)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		silence := time.AfterFunc(3*s.server.config.KeepAlive, func() { s.conn.Close() })
		_, _, err := s.conn.SendRequest("keepalive@openssh.com", true, nil)
		silence.Stop()
		if err != nil {
			return
		}
	}
}

// resolve looks the service up; the sentence is for the client.
func (s *session) resolve(ctx context.Context, path string) (platform.Service, error) {
	bounded, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	return s.server.services.Resolve(bounded, s.identity, path)
}

// sentence turns an error into what the client may read: our own kinds in full, the rest as a hint to the log.
func (s *session) sentence(doing string, err error) string {
	var failure *platform.Failure
	if errors.As(err, &failure) {
		return wire.OneLine(failure.Message + " " + failure.Hint)
	}
	for _, ours := range []error{platform.ErrNotFound, platform.ErrForbidden, platform.ErrInvalid, platform.ErrConflict, platform.ErrCapacity} {
		if errors.Is(err, ours) {
			return wire.OneLine(err.Error())
		}
	}
	s.log.Error(doing+" failed", "error", err)
	return fmt.Sprintf("internal error while trying to %s; the server's log says more", doing)
}
