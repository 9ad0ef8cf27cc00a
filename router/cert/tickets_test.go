package cert

import (
	"crypto/tls"
	"encoding/json"
	"testing"
	"time"
)

// resumes has a client that remembers its sessions make a connection to a server with the keys, and reports
// whether it resumed one.
func resumes(t *testing.T, keys *Tickets, client *tls.Config) bool {
	t.Helper()
	k, _ := local(t)
	server := TLSConfig(k.GetCertificate)
	keys.Apply(server)
	state, err := connect(t, server, client)
	if err != nil {
		t.Fatal(err)
	}
	return state.DidResume
}

// rememberingClient keeps a session.
func rememberingClient(version uint16) *tls.Config {
	return &tls.Config{ServerName: "web.localhost", InsecureSkipVerify: true, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
}

func TestSessionsAreResumedByTheProcessThatTakesOver(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.3": tls.VersionTLS13, "TLS 1.2": tls.VersionTLS12} {
		client, first := rememberingClient(version), NewTickets()
		if resumes(t, first, client) {
			t.Errorf("%s: a first connection resumed", name)
		}
		if !resumes(t, first, client) {
			t.Errorf("%s: the second connection did not resume", name)
		}
		text, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		second := NewTickets()
		if err := json.Unmarshal(text, second); err != nil {
			t.Fatal(err)
		}
		if !resumes(t, second, client) {
			t.Errorf("%s: the process that took over did not resume", name)
		}
		if resumes(t, NewTickets(), client) {
			t.Errorf("%s: a stranger resumed", name)
		}
	}
}

func TestKeysOfTicketsTurnEveryDayAndAreForgottenAfterAWeek(t *testing.T) {
	keys, now := NewTickets(), time.Now()
	keys.now = func() time.Time { return now }
	client := rememberingClient(tls.VersionTLS13)
	resumes(t, keys, client)
	before := keys.keys[0]
	if resumes(t, keys, client); len(keys.keys) != 1 {
		t.Error("a key that is young was replaced")
	}
	now = now.Add(ticketKeyLife)
	if !resumes(t, keys, client) || len(keys.keys) != 2 || string(keys.keys[1].Key) != string(before.Key) {
		t.Error("after a day there is no new key beside the old one, or the session was lost")
	}
	for range ticketKeys {
		now = now.Add(ticketKeyLife)
		keys.turn()
	}
	for _, k := range keys.keys {
		if len(keys.keys) != ticketKeys || string(k.Key) == string(before.Key) {
			t.Errorf("%d keys are left, of %v", len(keys.keys), k.Made)
		}
	}
}

func TestKeysOfTicketsThatAreNoneAreRefused(t *testing.T) {
	for _, text := range []string{`{}`, `[]`, `[{"key": "AAAA"}]`, `nonsense`} {
		keys := NewTickets()
		if err := json.Unmarshal([]byte(text), keys); err == nil || len(keys.keys) != 1 {
			t.Errorf("%s: %v", text, err)
		}
	}
}
