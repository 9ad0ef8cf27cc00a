// Package forge owns what csph tells the hosts of repositories: the status of a commit, a deployment, a comment on a
// pull request, each in the words of GitHub, GitLab, Bitbucket Cloud and Data Center, Gitea and Azure DevOps, and the
// queue in which it waits until the host has taken it (SPEC section 3).
//
// It refuses to hold a deployment up or to fail one: what cannot be told is tried again some times, then given up with one event;
// a host that does not accept the credential is told nothing more until the repository is connected anew. It reaches the
// hosts that repositories are fetched from, by the same rules, and sends a credential to no other.
//
// The requests are written down here, since no library has more than a part of them: those that know commit statuses of
// every host can neither edit a comment nor say what they were refused for.
package forge
