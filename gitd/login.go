package gitd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"csph/platform"
)

// Keys of what the context of a connection carries.
type (
	identityKey struct{}
	guestKey    struct{}
)

// maxAuthTries is how many keys a client may offer, as in OpenSSH.
const maxAuthTries = 6

// newSSH configures the SSH server: public keys only, session channels only.
func (s *Server) newSSH(signer gossh.Signer) *ssh.Server {
	return &ssh.Server{
		Version:              "csph",
		HostSigners:          []ssh.Signer{signer},
		IdleTimeout:          s.config.Idle,
		ConnCallback:         rememberGuest,
		ServerConfigCallback: s.serverConfig,
		PublicKeyHandler:     s.known,
		ChannelHandlers:      map[string]ssh.ChannelHandler{"session": s.openSession, "default": refuseChannel},
		RequestHandlers:      map[string]ssh.RequestHandler{},
	}
}

func rememberGuest(ctx ssh.Context, conn net.Conn) net.Conn {
	ctx.SetValue(guestKey{}, conn)
	return conn
}

// serverConfig takes the identity from the key whose signature was verified, and not from the last
// one that was asked about (CVE-2024-45337).
func (s *Server) serverConfig(ctx ssh.Context) *gossh.ServerConfig {
	visitor := ctx.Value(guestKey{}).(*guest)
	return &gossh.ServerConfig{
		MaxAuthTries:        maxAuthTries,
		PreAuthConnCallback: func(conn gossh.ServerPreAuthConn) { visitor.banner = conn.SendAuthBanner },
		VerifiedPublicKeyCallback: func(_ gossh.ConnMetadata, key gossh.PublicKey, p *gossh.Permissions, _ string) (*gossh.Permissions, error) {
			identity, err := s.authenticate(ctx, key)
			if err != nil {
				return nil, err
			}
			ctx.SetValue(identityKey{}, identity)
			visitor.authenticated()
			return p, nil
		},
	}
}

// known answers whether a key would be accepted.
func (s *Server) known(ctx ssh.Context, key ssh.PublicKey) bool {
	_, err := s.authenticate(ctx, key)
	if errors.Is(err, platform.ErrUnauthorized) {
		visitor, fingerprint := ctx.Value(guestKey{}).(*guest), gossh.FingerprintSHA256(key)
		visitor.offer(fingerprint)
		visitor.advise(fingerprint)
	}
	return err == nil
}

// tellStranger passes on that a connection ended all of whose keys were unknown. One without keys has said nothing of itself.
func (s *Server) tellStranger(g *guest) {
	keys := g.stranger()
	if len(keys) == 0 || s.config.Refused == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	err := fmt.Errorf("%w: no such key is known: %s", platform.ErrUnauthorized, strings.Join(keys, ", "))
	s.config.Refused(ctx, Identity{}, hostOf(g.RemoteAddr()), "", err)
}

// lookupTime bounds a question to the Keys and Services.
const lookupTime = 15 * time.Second

func (s *Server) authenticate(ctx context.Context, key ssh.PublicKey) (Identity, error) {
	bounded, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	identity, err := s.keys.Authenticate(bounded, key)
	if err != nil && !errors.Is(err, platform.ErrUnauthorized) && ctx.Err() == nil {
		s.log.Error("look key up failed", "error", err)
	}
	return identity, err
}

// refuseChannel answers for every kind of forwarding.
func refuseChannel(_ *ssh.Server, _ *gossh.ServerConn, channel gossh.NewChannel, _ ssh.Context) {
	// The client that cannot be told is one that is gone.
	_ = channel.Reject(gossh.Prohibited, "forwarding is not offered here: only git push and git fetch are")
}
