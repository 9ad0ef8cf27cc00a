// Package cert owns the certificates of domains: it orders them from certificate authorities by ACME
// (certmagic: HTTP-01, TLS-ALPN-01, DNS-01), renews them, takes uploaded ones, serves them by server
// name, and moves domains through their statuses (platform.NextDomain), of which it is the only writer.
//
// A Keeper looks at each domain when its time has come. Before an order it asks the public DNS
// (package dnscheck) and the budget that stays clear of the authorities' limits (package budget); what
// fails is tried again after a wait that is kept with the domain, so that a restart does not shorten it.
// The certificate in use is served until the next one is there; a renewal that fails is an event, again
// with each try, while the old certificate is still good for long.
//
// Only domains that someone has added are ever ordered: a handshake for another name orders nothing, and
// gets no certificate at all. OCSP answers are stapled to certificates that name a responder, which
// those of most authorities no longer do; renewal times follow ARI (RFC 9773).
//
// Orders follow certmagic's own protocol for storage and locks, so that several processes may share one
// storage. When and from whom to order is decided here, one attempt at a time: certmagic's own retries and
// renewals do not run.
//
// The package refuses to route requests, to keep records, and to know where names should lead.
package cert
