// Package durable writes small files that have to outlast a power cut: keys, tokens, records of what the
// machine holds. It knows nothing of their content, and is not for large ones.
package durable
