package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"csph/router/cert/dnstest"
)

// slowly is how long a change takes from a provider's API to its name servers.
const slowly = 300 * time.Millisecond

// zoneAPI is what the APIs of providers have in common: one zone, whose records a real DNS server answers with.
type zoneAPI struct {
	t    *testing.T
	dns  *dnstest.Server
	zone string // with a dot at the end

	mu           sync.Mutex
	name         string            // of the TXT records
	texts        map[string]string // their values in quotes, by id
	made, unmade int
}

func newZoneAPI(t *testing.T, zone string) *zoneAPI {
	a := &zoneAPI{t: t, dns: dnstest.Start(t, "127.0.0.1:0"), zone: zone, texts: map[string]string{}}
	a.dns.Add(t, zone+" 60 IN SOA ns. root. 1 60 60 60 60", "*."+zone+" 60 IN A 127.0.0.1")
	return a
}

// publish has the name servers say what the API has been told, a while later.
func (a *zoneAPI) publish() {
	time.AfterFunc(slowly, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.dns.Remove(a.name)
		for _, text := range a.texts {
			a.dns.Add(a.t, fmt.Sprintf("%s 1 IN TXT %s", a.name, text))
		}
	})
}

// cloudflareAPI is the part of Cloudflare's API v4 that DNS-01 needs, for one token.
type cloudflareAPI struct{ *zoneAPI }

func (a cloudflareAPI) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	type record struct {
		ID      string `json:"id"`
		Type    string `json:"type"`
		Name    string `json:"name"`
		Content string `json:"content"`
	}
	if q.Header.Get("Authorization") != "Bearer s3cret" {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"success": false, "errors": [{"code": 10000, "message": "Authentication error"}]}`)
		return
	}
	zone := strings.TrimSuffix(a.zone, ".")
	var result any
	path, id, _ := strings.Cut(strings.TrimPrefix(q.URL.Path, "/client/v4/zones"), "/z1/dns_records")
	id = strings.TrimPrefix(id, "/")
	switch {
	case path == "" && strings.HasSuffix(q.URL.Path, "/zones"):
		result = []map[string]string{}
		if strings.TrimSuffix(q.FormValue("name"), ".") == zone {
			result = []map[string]string{{"id": "z1", "name": zone}}
		}
	case q.Method == http.MethodPost:
		var r record
		if err := json.NewDecoder(q.Body).Decode(&r); err != nil || r.Type != "TXT" {
			a.t.Errorf("asked to make %+v: %v", r, err)
		}
		a.made++
		r.ID, r.Name = fmt.Sprint("r", a.made), strings.TrimSuffix(r.Name, "."+zone)+"."+zone
		a.name, a.texts[r.ID] = r.Name+".", r.Content
		a.publish()
		result = r
	case q.Method == http.MethodDelete:
		result = record{ID: id, Type: "TXT", Name: strings.TrimSuffix(a.name, "."), Content: a.texts[id]}
		delete(a.texts, id)
		a.unmade++
		a.publish()
	default:
		found := []record{}
		for id, text := range a.texts {
			if q.FormValue("name")+"." == a.name && strings.Contains(text, q.FormValue("content.contains")) {
				found = append(found, record{ID: id, Type: "TXT", Name: q.FormValue("name"), Content: text})
			}
		}
		result = found
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"success": true, "result": result})
}

// route53API is the part of Amazon's API of 2013-04-01 that DNS-01 needs, for one key.
type route53API struct{ *zoneAPI }

type recordSet struct {
	Name, Type      string
	TTL             int
	ResourceRecords []string `xml:"ResourceRecords>ResourceRecord>Value"`
}

func (a route53API) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !strings.HasPrefix(q.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=id/") {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	switch path := strings.Trim(strings.TrimPrefix(q.URL.Path, "/2013-04-01"), "/"); {
	case path == "hostedzonesbyname":
		fmt.Fprintf(w, `<ListHostedZonesByNameResponse><HostedZones><HostedZone><Id>/hostedzone/Z1</Id><Name>%s</Name><CallerReference>c</CallerReference></HostedZone></HostedZones><IsTruncated>false</IsTruncated><MaxItems>1</MaxItems></ListHostedZonesByNameResponse>`, a.zone)
	case path == "hostedzone/Z1/rrset" && q.Method == http.MethodGet:
		var sets []recordSet
		for _, text := range a.texts {
			if len(sets) == 0 {
				sets = []recordSet{{Name: a.name, Type: "TXT", TTL: 60}}
			}
			sets[0].ResourceRecords = append(sets[0].ResourceRecords, text)
		}
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName xml.Name    `xml:"ListResourceRecordSetsResponse"`
			Sets    []recordSet `xml:"ResourceRecordSets>ResourceRecordSet"`
		}{Sets: sets})
	case path == "hostedzone/Z1/rrset":
		a.change(w, q.Body)
	case strings.HasPrefix(path, "change/"):
		_, _ = io.WriteString(w, `<GetChangeResponse><ChangeInfo><Id>/change/C1</Id><Status>INSYNC</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo></GetChangeResponse>`)
	default:
		a.t.Errorf("asked for %s %s", q.Method, q.URL)
	}
}

func (a route53API) change(w http.ResponseWriter, body io.Reader) {
	var order struct {
		Changes []struct {
			Action            string
			ResourceRecordSet recordSet
		} `xml:"ChangeBatch>Changes>Change"`
	}
	if err := xml.NewDecoder(body).Decode(&order); err != nil || len(order.Changes) != 1 {
		a.t.Errorf("asked for %+v: %v", order, err)
		return
	}
	set := order.Changes[0].ResourceRecordSet
	switch order.Changes[0].Action {
	case "CREATE":
		if len(a.texts) > 0 {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `<ErrorResponse><Error><Type>Sender</Type><Code>InvalidChangeBatch</Code><Message>it already exists</Message></Error></ErrorResponse>`)
			return
		}
	case "DELETE":
		set.ResourceRecords = nil
	}
	if len(set.ResourceRecords) > len(a.texts) {
		a.made++
	} else {
		a.unmade++
	}
	clear(a.texts)
	for i, text := range set.ResourceRecords {
		a.texts[fmt.Sprint(i)] = text
	}
	a.name = set.Name
	a.publish()
	_, _ = io.WriteString(w, `<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo></ChangeResourceRecordSetsResponse>`)
}

// gone waits until the name servers have no proof left but those that were there before.
func (a *zoneAPI) gone(left int) {
	a.t.Helper()
	for end := time.Now().Add(10 * time.Second); a.dns.Count(a.name, dns.TypeTXT) != left; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			a.t.Fatalf("%d records are left, want %d", a.dns.Count(a.name, dns.TypeTXT), left)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.made != 1 || a.unmade != 1 {
		a.t.Errorf("records were made %d times and unmade %d times, want once each", a.made, a.unmade)
	}
}
