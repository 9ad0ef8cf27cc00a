package cert

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"golang.org/x/crypto/ocsp"

	"csph/platform"
	"csph/router/localca"
)

// responder answers for an authority whose certificates name it.
type responder struct {
	t     *testing.T
	root  issued
	url   string
	asked atomic.Int64

	mu     sync.Mutex
	answer func(*ocsp.Response) // changes the next answers
}

func newResponder(t *testing.T) *responder {
	r := &responder{t: t, root: issue(t, nil, authorityOf, "root"), answer: func(*ocsp.Response) {}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// say has the answers be for life, and what change makes of them.
func (r *responder) say(change func(*ocsp.Response)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = change
}

func (r *responder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.asked.Add(1)
	text, _ := io.ReadAll(q.Body)
	question, err := ocsp.ParseRequest(text)
	if err != nil || q.Header.Get("Content-Type") != "application/ocsp-request" {
		http.Error(w, "no question", http.StatusBadRequest)
		return
	}
	now := time.Now()
	answer := ocsp.Response{Status: ocsp.Good, SerialNumber: question.SerialNumber, ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(time.Hour), IssuerHash: crypto.SHA256}
	r.mu.Lock()
	r.answer(&answer)
	r.mu.Unlock()
	out, err := ocsp.CreateResponse(r.root.cert, r.root.cert, answer, r.root.key.(crypto.Signer))
	if err != nil {
		r.t.Error(err)
	}
	_, _ = w.Write(out)
}

// host is a Keeper that runs without authorities, and serves TLS.
type host struct {
	*Keeper
	t    *testing.T
	addr string
	book *book
}

func newHost(t *testing.T, responders http.RoundTripper) *host {
	t.Helper()
	local, err := localca.Open(t.TempDir(), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	b := newBook()
	k := New(Config{
		Records: b, Bus: b, Storage: &certmagic.FileStorage{Path: t.TempDir()}, Local: local, Responders: responders,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Waits: Waits{Staple: 20 * time.Millisecond},
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.Listener = tls.NewListener(server.Listener, TLSConfig(k.GetCertificate, "http/1.1"))
	server.Start()
	t.Cleanup(func() {
		server.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		k.Close()
	})
	return &host{k, t, server.Listener.Addr().String(), b}
}

// upload makes name a domain with a certificate of its own.
func (h *host) upload(name string, c, root issued) platform.Domain {
	h.t.Helper()
	d, err := h.Draft("svc_1", name, 0, false)
	if err != nil {
		h.t.Fatal(err)
	}
	d.Status = platform.ActionRequired // nothing else is done for it
	d = h.book.add(d)
	if d, err = h.Upload(h.t.Context(), d.ID, []byte(c.pem+root.pem), []byte(c.keyPEM(h.t))); err != nil {
		h.t.Fatal(err)
	}
	return d
}

// stapled is what a client is shown beside the certificate.
func (h *host) stapled(name string) []byte {
	h.t.Helper()
	conn, err := tls.Dial("tcp", h.addr, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	return conn.OCSPResponse()
}

// eventually waits until a client is shown what ok wants.
func (h *host) eventually(name, what string, ok func(staple []byte) bool) {
	h.t.Helper()
	for deadline := time.Now().Add(patience); !ok(h.stapled(name)); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("never: %s", what)
		}
	}
}

func (r *responder) certificate(name string) issued {
	return issue(r.t, &r.root, func(c *x509.Certificate) { c.OCSPServer = []string{r.url} }, name)
}

func TestAnOCSPAnswerIsStapledToACertificateThatNamesAResponderAndToNoOther(t *testing.T) {
	r := newResponder(t)
	r.say(func(a *ocsp.Response) { a.ThisUpdate = time.Now().Truncate(time.Second) }) // not to be asked anew before half of its life
	h := newHost(t, http.DefaultTransport)
	named, plain := r.certificate("named.example.com"), issue(t, &r.root, nil, "plain.example.com")
	h.upload("plain.example.com", plain, r.root)
	h.upload("named.example.com", named, r.root)
	h.eventually("named.example.com", "an answer is stapled", func(staple []byte) bool {
		answer, err := ocsp.ParseResponseForCert(staple, named.cert, r.root.cert)
		return err == nil && answer.Status == ocsp.Good
	})
	if staple := h.stapled("plain.example.com"); len(staple) > 0 {
		t.Errorf("%d bytes are stapled to a certificate without a responder", len(staple))
	}
	if asked := r.asked.Load(); asked != 1 {
		t.Errorf("the responder was asked %d times", asked)
	}
}

func TestAnOCSPAnswerIsRenewedAndOneThatIsOverIsNotStapled(t *testing.T) {
	r := newResponder(t)
	h := newHost(t, http.DefaultTransport)
	brief := func(a *ocsp.Response) {
		a.ThisUpdate, a.NextUpdate = time.Now().Add(-time.Second).Truncate(time.Second), time.Now().Add(2*time.Second).Truncate(time.Second)
	}
	r.say(brief)
	h.upload("www.example.com", r.certificate("www.example.com"), r.root)
	var first []byte
	h.eventually("www.example.com", "an answer is stapled", func(staple []byte) bool { first = staple; return len(staple) > 0 })
	h.eventually("www.example.com", "a newer one is", func(staple []byte) bool { return len(staple) > 0 && !bytes.Equal(staple, first) })
	r.say(func(a *ocsp.Response) { a.Status = ocsp.Unknown })
	h.eventually("www.example.com", "the last one is over", func(staple []byte) bool { return len(staple) == 0 })
	r.say(func(*ocsp.Response) {})
	h.eventually("www.example.com", "the responder is well again", func(staple []byte) bool { return len(staple) > 0 })
}

func TestWhatAResponderMustNotSayIsNotStapled(t *testing.T) {
	r, foreign := newResponder(t), issue(t, nil, authorityOf, "foreign")
	for name, change := range map[string]func(*ocsp.Response){
		"revoked": func(a *ocsp.Response) { a.Status, a.RevokedAt = ocsp.Revoked, time.Now() },
		"over":    func(a *ocsp.Response) { a.NextUpdate = time.Now().Add(-time.Minute) },
		"early":   func(a *ocsp.Response) { a.ThisUpdate = time.Now().Add(time.Minute) },
		"endless": func(a *ocsp.Response) { a.NextUpdate = time.Time{} },
		"another": func(a *ocsp.Response) { a.SerialNumber = foreign.cert.SerialNumber },
	} {
		r.say(change)
		c := r.certificate("www.example.com")
		s := &stapler{client: http.DefaultClient}
		if text, _, err := s.ask(t.Context(), c.cert, r.root.cert.Raw); err == nil {
			t.Errorf("%s: %d bytes would be stapled", name, len(text))
		}
	}
	r.say(func(*ocsp.Response) {})
	s := &stapler{client: http.DefaultClient}
	if _, _, err := s.ask(t.Context(), r.certificate("www.example.com").cert, foreign.cert.Raw); err == nil {
		t.Error("an answer that the certificate's issuer has not signed was taken")
	}
}

func TestACertificateThatWasRevokedIsRenewed(t *testing.T) {
	r := newResponder(t)
	r.say(func(a *ocsp.Response) { a.Status, a.RevokedAt = ocsp.Revoked, time.Now() })
	h := newHost(t, nil)
	c := r.certificate("www.example.com")
	d := h.upload("www.example.com", c, r.root)
	d.Certificate.Source = platform.FromACME
	h.Keeper.Responders = http.DefaultTransport
	served := h.certOf(d.Name)
	newStapler(h.Keeper).refresh(t.Context(), d, served, staple{serial: c.cert.SerialNumber.String()})
	if p := h.planOf(d.ID, served); p.renew.After(time.Now()) {
		t.Errorf("it is to be renewed at %s", p.renew)
	}
	if len(h.stapled(d.Name)) > 0 {
		t.Error("the answer is stapled")
	}
}
