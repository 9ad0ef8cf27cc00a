// Package runtime owns what every engine shares: the readiness probes (SPEC section 4) and the backoff of
// restarts. It refuses to know how spherelets are run, and which deployment they are of.
package runtime
