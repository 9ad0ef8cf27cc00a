package cert

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"

	"csph/platform"
	"csph/router/cert/pebbletest"
)

func TestADomainGoesFromItsRecordsToACertificate(t *testing.T) {
	w := open(t, options{ca: pebbletest.Config{BadNonces: 5}})
	d := w.addOnly(w.name("www"))
	w.await(d.ID, platform.PendingDNS, platform.DNSMissing)
	if _, err := w.handshake(w.name("www")); !isAlert(err) {
		t.Errorf("before there is a certificate: %v", err)
	}
	w.ca.A(w.name("www"), "127.0.0.1")
	got := w.await(d.ID, platform.DomainActive, "")
	leaf := w.served(w.name("www"))
	if !got.Certificate.NotAfter.Equal(leaf.NotAfter) || got.Certificate.Issuer == "" || !w.Expiries()[w.name("www")].Equal(leaf.NotAfter) {
		t.Errorf("recorded %+v, expiries %v; served until %s", got.Certificate, w.Expiries(), leaf.NotAfter)
	}
	if all := w.book.statuses(); !slices.Equal(all, []string{"validating", "issuing", "active"}) {
		t.Errorf("statuses %v", all)
	}
	if secure, _ := w.Policy([]byte(w.name("www"))); !secure {
		t.Error("plain HTTP is not redirected once it is active")
	}
}

func TestTLSALPNAloneBringsACertificateWherePort80IsClosed(t *testing.T) {
	w := open(t, options{no80: true})
	w.await(w.add(w.name("www")).ID, platform.DomainActive, "")
	w.served(w.name("www"))
}

func TestKeysAreReadableByTheirOwnerOnly(t *testing.T) {
	w := open(t, options{})
	w.await(w.add(w.name("www")).ID, platform.DomainActive, "")
	files := 0
	root := w.config.Storage.(*certmagic.FileStorage).Path
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		files++
		return err
	})
	if err != nil || files < 5 {
		t.Errorf("%d files (%v)", files, err)
	}
}

func TestTwoDomainsAtOnceEachGetTheirOwn(t *testing.T) {
	w := open(t, options{ca: pebbletest.Config{BadNonces: 5}})
	a, b := w.add(w.name("a")), w.add(w.name("b"))
	w.await(a.ID, platform.DomainActive, "")
	w.await(b.ID, platform.DomainActive, "")
	for _, name := range []string{w.name("a"), w.name("b")} {
		if leaf := w.served(name); !slices.Equal(leaf.DNSNames, []string{name}) {
			t.Errorf("%s is served with a certificate for %v", name, leaf.DNSNames)
		}
	}
	if _, err := w.handshake(w.name("c")); !isAlert(err) {
		t.Errorf("a name that nobody has added: %v", err)
	}
}

func TestWrongRecordsAreSaidAndNothingIsOrdered(t *testing.T) {
	w := open(t, options{ca: pebbletest.Config{CAA: []string{"ca.test"}}})
	w.ca.A(w.name("away"), "192.0.2.1")
	w.ca.A(w.name("caa"), "127.0.0.1")
	w.ca.CAA(w.name("caa"), "other.test")
	away, caa := w.addOnly(w.name("away")), w.addOnly(w.name("caa"))
	got := w.await(away.ID, platform.ActionRequired, platform.DNSElsewhere)
	if !strings.Contains(got.State.Message, "192.0.2.1") || got.State.Hint == "" {
		t.Errorf("state %+v", got.State)
	}
	got = w.await(caa.ID, platform.ActionRequired, platform.CAAForbids)
	if !strings.Contains(got.State.Message, "other.test") || !strings.Contains(got.State.Hint, `CAA 0 issue "ca.test"`) {
		t.Errorf("state %+v", got.State)
	}
	if slices.Contains(w.book.statuses(), "issuing") {
		t.Errorf("an order was made: %v", w.book.statuses())
	}
	w.ca.A(w.name("away"), "127.0.0.1")
	w.ca.CAA(w.name("caa"), "ca.test")
	w.await(away.ID, platform.DomainActive, "")
	w.await(caa.ID, platform.DomainActive, "")
}

func TestAValidationThatFailsNeedsActionAndIsCounted(t *testing.T) {
	w := open(t, options{before: func(c *Config) { c.Waits.Order, c.Waits.OrderLongest = time.Hour, time.Hour }})
	silent := w.Keeper
	w.set(&Keeper{Config: w.config, sites: newSites()}) // answers no validation
	d := w.add(w.name("www"))
	got := w.await(d.ID, platform.ActionRequired, platform.ValidationFailed)
	if !strings.Contains(got.State.Hint, "ports 80 and 443") || time.Until(got.State.NextTry) < 50*time.Minute {
		t.Errorf("state %+v", got.State)
	}
	text, err := w.config.Storage.Load(t.Context(), "csph/budget.json")
	if err != nil || strings.Count(string(text), `"failed"`) != 2 { // by HTTP-01 and by TLS-ALPN-01
		t.Errorf("the budget has %s (%v)", text, err)
	}
	w.set(silent)
	if _, _, err := w.Verify(t.Context(), d.ID); err != nil {
		t.Fatal(err)
	}
	w.await(d.ID, platform.DomainActive, "")
}

func TestAnOrderThatARestartInterruptsIsTakenUp(t *testing.T) {
	w := open(t, options{})
	w.stop()
	d := w.book.add(platform.Domain{
		Service: "svc_1", Name: w.name("www"), Status: platform.Issuing,
		Certificate: platform.DomainCertificate{Source: platform.FromACME},
	})
	w.ca.A(w.name("www"), "127.0.0.1")
	w.start()
	w.await(d.ID, platform.DomainActive, "")
	w.served(w.name("www"))
	if all := w.book.statuses(); !slices.Equal(all, []string{"validating", "issuing", "active"}) {
		t.Errorf("statuses %v", all)
	}
}

func TestARestartServesWhatWasThereAndOrdersNothing(t *testing.T) {
	w := open(t, options{})
	d := w.add(w.name("www"))
	w.await(d.ID, platform.DomainActive, "")
	before := w.served(w.name("www"))
	w.restart()
	if after := w.served(w.name("www")); !after.Equal(before) {
		t.Error("another certificate is served")
	}
	if w.book.count(platform.EventDomainRenewed) != 0 {
		t.Error("it was renewed")
	}
}

func TestAnAuthorityThatIsAwayIsAwaited(t *testing.T) {
	w := open(t, options{})
	w.ca.Stop()
	d := w.add(w.name("www"))
	got := w.await(d.ID, platform.Validating, platform.AuthorityAway)
	if got.State.Attempts < 1 || got.State.NextTry.IsZero() {
		t.Errorf("state %+v", got.State)
	}
	w.restart() // the wait survives
	w.ca.Restart()
	w.await(d.ID, platform.DomainActive, "")
	w.served(w.name("www"))
}

func TestTheNextAuthorityIsAskedWhenTheFirstIsAway(t *testing.T) {
	w := open(t, options{before: func(c *Config) {
		c.Directories = append([]Directory{{URL: "https://127.0.0.1:1/dir"}}, c.Directories...)
	}})
	d := w.add(w.name("www"))
	w.await(d.ID, platform.DomainActive, "")
	w.served(w.name("www"))
}

func TestAnAccountIsBoundToAnExternalOne(t *testing.T) {
	const key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	w := open(t, options{
		ca:     pebbletest.Config{EAB: map[string]string{"kid-1": key}},
		before: func(c *Config) { c.Directories[0].EAB = &EAB{KeyID: "kid-1", MACKey: key} },
	})
	w.await(w.add(w.name("www")).ID, platform.DomainActive, "")
}

func TestARemovedDomainIsServedNoLongerAndItsKeyIsGone(t *testing.T) {
	w := open(t, options{})
	d := w.add(w.name("www"))
	d = w.await(d.ID, platform.DomainActive, "")
	w.book.remove(d.ID)
	if err := w.Removed(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if _, err := w.handshake(w.name("www")); !isAlert(err) {
		t.Errorf("after it was removed: %v", err)
	}
	keys, err := w.config.Storage.List(t.Context(), "", true)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if strings.Contains(k, w.name("www")) {
			t.Errorf("%s is left", k)
		}
	}
}

func TestManyRenewalsFailNoHandshake(t *testing.T) {
	w := open(t, options{ca: pebbletest.Config{Life: 12 * time.Second, BadNonces: 5}})
	d := w.add(w.name("www"))
	w.await(d.ID, platform.DomainActive, "")
	roots := w.ca.Roots()
	var load sync.WaitGroup
	stop := make(chan struct{})
	counts := make([]int, 4)
	for i := range counts {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := handshake(w.config.Ports.HTTPS, w.name("www"), roots); err != nil {
					t.Errorf("handshake %d failed: %v", counts[i], err)
					return
				}
				counts[i]++
			}
		})
	}
	w.eventually(func() error {
		if n := w.book.count(platform.EventDomainRenewed); n < 2 {
			return fmt.Errorf("%d renewals", n)
		}
		return nil
	})
	close(stop)
	load.Wait()
	t.Logf("%v handshakes over 2 renewals", counts)
	if slices.Min(counts) < 10 {
		t.Errorf("only %v handshakes", counts)
	}
}
