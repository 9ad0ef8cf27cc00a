// Package remote owns the talk with other people's git servers: which addresses csph may reach, who they are, what
// references they have, the pack of one commit without its history, and the contents that Git LFS keeps beside it.
//
// It refuses to reach loopback, private and link-local addresses unless they are allowed, whatever a name
// resolves to at the moment of the connection; to send a credential to another host than the repository's, or
// unencrypted; and to judge or store what it fetches: bare does that, as for a push.
package remote
