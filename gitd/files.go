package gitd

import "context"

// sftpSubsystem is the one that is offered (RFC 4254 section 6.5).
const sftpSubsystem = "sftp"

// serveFiles lets the client at the files of the service that its user name says (SPEC section 4).
func (s *session) serveFiles(ctx context.Context, subsystem string) int {
	if subsystem != sftpSubsystem || s.server.config.Files == nil {
		return s.refuse("the subsystem " + subsystem + " is not offered here: only git push, git fetch and sftp are")
	}
	s.log = s.log.With("service", s.User())
	err := s.server.config.Files.ServeFiles(ctx, s.identity, s.RemoteAddr().String(), s.User(), s)
	if err == nil || ctx.Err() != nil {
		return exitOK // the client has gone, or the server is to stop
	}
	return s.refuse(s.sentence("serve files", err))
}
