package wire

import (
	"net/netip"

	"csph/platform"
)

// NewDomain is a domain to add to a service.
type NewDomain struct {
	Name    string `json:"name" doc:"www.example.com, or *.example.com for every host below" minLength:"1" maxLength:"300"`
	Service string `json:"service" doc:"The service that it leads to" minLength:"1" maxLength:"200"`
	HSTS    int64  `json:"hsts_max_age,omitempty" doc:"Seconds for which browsers stay on HTTPS (Strict-Transport-Security); 0 for none" minimum:"0" maximum:"63072000"`
	// Internal asks for a certificate of the server's own authority.
	Internal    bool   `json:"internal,omitempty" doc:"Certify it by the server's own authority, as names that no public one certifies are in any case"`
	Certificate string `json:"certificate,omitempty" doc:"A certificate of one's own in PEM, followed by its chain" maxLength:"262144"`
	Key         string `json:"key,omitempty" doc:"Its private key in PEM" maxLength:"262144"`
}

// DomainChange changes a domain; what it leaves out stays as it is.
type DomainChange struct {
	HSTS        *int64 `json:"hsts_max_age,omitempty" doc:"Seconds for which browsers stay on HTTPS; 0 for none" minimum:"0" maximum:"63072000"`
	Certificate string `json:"certificate,omitempty" doc:"A certificate of one's own in PEM, followed by its chain" maxLength:"262144"`
	Key         string `json:"key,omitempty" doc:"Its private key in PEM" maxLength:"262144"`
}

// DomainView is a domain, and the DNS records that it needs.
type DomainView struct {
	platform.Domain
	Records []platform.DNSRecord `json:"records" doc:"Those with instead are alternatives to the record of that type"`
}

// DNSFinding is what was seen of a domain in the public DNS.
type DNSFinding struct {
	Verdict   string       `json:"verdict" doc:"right, missing, elsewhere, forbidden (CAA) or unanswered"`
	Message   string       `json:"message"`
	Hint      string       `json:"hint,omitempty"`
	Addresses []netip.Addr `json:"addresses,omitempty"`
}

// VerifiedDomain is a domain after a look at the DNS.
type VerifiedDomain struct {
	Domain DomainView `json:"domain"`
	DNS    DNSFinding `json:"dns"`
}

// Trust is the server's own certificate authority.
type Trust struct {
	Root string `json:"root" doc:"Its certificate in PEM: what clients have to trust"`
}
