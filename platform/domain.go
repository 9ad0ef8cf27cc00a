package platform

import (
	"fmt"
	"time"
)

// DomainPrefix is the id prefix of domains.
const DomainPrefix = "dom"

// Domain is a host name that leads to a service, with its certificate (SPEC section 1). The name is in
// lower case and ASCII (IDNA), without a trailing dot; "*." and a name means every host below it, of which
// the certificate covers those one label below (RFC 6125 section 6.4.3).
type Domain struct {
	ID          string            `json:"id"`
	Account     string            `json:"account"`
	Service     string            `json:"service"`
	ServiceName string            `json:"service_name"`
	Name        string            `json:"name"`
	Status      DomainStatus      `json:"status"`
	State       DomainState       `json:"state"`
	Certificate DomainCertificate `json:"certificate"`
	// HSTS is the max-age of Strict-Transport-Security in seconds (RFC 6797); 0 sends none.
	HSTS    int64     `json:"hsts_max_age,omitempty"`
	Created time.Time `json:"created"`
}

// DomainState is why a domain is in its status, and when it is looked at again.
type DomainState struct {
	Reason   DomainReason `json:"reason,omitempty"`
	Message  string       `json:"message,omitempty"` // what happened, for the user
	Hint     string       `json:"hint,omitempty"`    // what to do next
	Proxy    string       `json:"proxy,omitempty"`   // the CDN that answers for the name, where one was recognised
	Attempts int          `json:"attempts,omitempty"`
	NextTry  time.Time    `json:"next_try,omitzero"`
}

// CertificateSource says where a domain's certificate comes from.
type CertificateSource string

const (
	FromACME     CertificateSource = "acme"     // ordered from a certificate authority, renewed alone
	FromUpload   CertificateSource = "uploaded" // given by the user, who renews it
	FromInternal CertificateSource = "internal" // issued by the server's own authority
	FromHost     CertificateSource = "host"     // that of the host, of which the domain is some paths
)

// DomainCertificate is what is known of the certificate that a domain is served with.
type DomainCertificate struct {
	Source   CertificateSource `json:"source"`
	Issuer   string            `json:"issuer,omitempty"`
	NotAfter time.Time         `json:"not_after,omitzero"`
}

// DomainStatus is where a domain stands (SPEC section 5).
type DomainStatus string

const (
	PendingDNS     DomainStatus = "pending_dns"     // the records are not seen yet
	Validating     DomainStatus = "validating"      // the records are right; an order is about to be made, or waits for its turn
	Issuing        DomainStatus = "issuing"         // an order is at the certificate authority
	DomainActive   DomainStatus = "active"          // served over HTTPS
	ActionRequired DomainStatus = "action_required" // somebody has to do what the reason says
)

// DomainStatuses lists every status.
func DomainStatuses() []DomainStatus {
	return []DomainStatus{PendingDNS, Validating, Issuing, DomainActive, ActionRequired}
}

// DomainReason is the machine-readable cause of a status.
type DomainReason string

const (
	DNSMissing         DomainReason = "dns_missing"
	DNSElsewhere       DomainReason = "dns_elsewhere"
	DNSUnanswered      DomainReason = "dns_unanswered"
	CAAForbids         DomainReason = "caa_forbids"
	NoDNSProvider      DomainReason = "no_dns_provider"
	NoHTTPS            DomainReason = "no_https"
	ValidationFailed   DomainReason = "validation_failed"
	OrderRefused       DomainReason = "order_refused"
	AuthorityAway      DomainReason = "authority_unavailable"
	RateLimited        DomainReason = "rate_limited"
	RenewalFailed      DomainReason = "renewal_failed"
	CertificateExpired DomainReason = "certificate_expired"
	CertificateExpires DomainReason = "certificate_expires"
)

// DomainMove is what happens to a domain.
type DomainMove string

const (
	FindDNS     DomainMove = "find_dns"
	LoseDNS     DomainMove = "lose_dns"
	PlaceOrder  DomainMove = "place_order"
	RetryOrder  DomainMove = "retry_order"
	Issue       DomainMove = "issue"
	InstallCert DomainMove = "install"
	NeedAction  DomainMove = "need_action"
)

// DomainMoves lists every move.
func DomainMoves() []DomainMove {
	return []DomainMove{FindDNS, LoseDNS, PlaceOrder, RetryOrder, Issue, InstallCert, NeedAction}
}

// NextDomain is the state machine of domains: the status that move leads to from s, or a DomainMoveError.
// A domain that is active stays so while its certificate is renewed; it leaves only when it has none that is valid.
func NextDomain(s DomainStatus, m DomainMove) (DomainStatus, error) {
	if to, ok := domainTransitions[s][m]; ok {
		return to, nil
	}
	return s, DomainMoveError{From: s, Move: m}
}

var domainTransitions = map[DomainStatus]map[DomainMove]DomainStatus{
	PendingDNS:     {FindDNS: Validating, InstallCert: DomainActive, NeedAction: ActionRequired},
	Validating:     {LoseDNS: PendingDNS, PlaceOrder: Issuing, InstallCert: DomainActive, NeedAction: ActionRequired},
	Issuing:        {RetryOrder: Validating, Issue: DomainActive, InstallCert: DomainActive, NeedAction: ActionRequired},
	DomainActive:   {InstallCert: DomainActive, NeedAction: ActionRequired},
	ActionRequired: {FindDNS: Validating, LoseDNS: PendingDNS, InstallCert: DomainActive},
}

// DomainMoveError says that a domain in From cannot make Move.
type DomainMoveError struct {
	From DomainStatus
	Move DomainMove
}

func (e DomainMoveError) Error() string {
	return fmt.Sprintf("a domain that is %s cannot %s", e.From, e.Move)
}

// Is makes errors.Is(err, ErrConflict) true for refused moves.
func (e DomainMoveError) Is(target error) bool { return target == ErrConflict }

// DNSRecord is a record that the owner of a domain has to make, or that csph makes.
type DNSRecord struct {
	Type  string `json:"type"` // A, AAAA, CNAME, ALIAS, TXT
	Name  string `json:"name"`
	Value string `json:"value"`
	// Instead says for which other record of the list this one stands in; empty for those that are all needed.
	Instead string `json:"instead,omitempty"`
	Note    string `json:"note,omitempty"`
}

// Event kinds of domains.
const (
	EventDomainAdded     = "domain.added"
	EventDomainStatus    = "domain.status" // Status: the new one
	EventDomainRemoved   = "domain.removed"
	EventDomainRenewed   = "domain.renewed"
	EventRenewalFailed   = "domain.renewal_failed"
	EventCertificateEnds = "domain.certificate_expires"
)
