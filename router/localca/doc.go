// Package localca owns the instance's private certificate authority: it keeps the key, and issues
// short-lived certificates for the names that no public authority would certify (the apps domain
// `localhost`, private networks). It refuses to decide which names those are, besides the domain it was made for.
package localca
