// Package vault owns the key that secrets are encrypted with at rest (age, X25519), in a file outside of the
// database which only its owner can read. It refuses to know what is encrypted, and to keep any of it.
//
// The file holds one identity a line, as age-keygen writes them: the first encrypts, all of them decrypt.
// While a key is being replaced there are two. Whoever has the database without this file has no secret;
// whoever loses this file has lost them: it belongs in a backup, but not into the same one.
package vault
