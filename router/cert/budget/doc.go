// Package budget owns the count of what was asked of certificate authorities, kept in storage, and the
// decision whether another order would come near one of their rate limits. It stays below them by a
// margin, since other software may use the same account or domain, and it remembers when an authority
// has said to come back later. It refuses to place orders and to know which names deserve one.
package budget
