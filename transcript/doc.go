// Package transcript tells one deployment to people: it turns the deployment's events and its build
// log into plain lines, in order, from "accepted" to the URL or to what went wrong and what to do
// next. `git push` (as remote: lines), `csph deploy` and `csph deployments watch` all show it.
//
// It refuses to know where events and logs come from (Source), to decide anything about the
// deployment, and to let the output of an app or a build reach a terminal as anything but text.
package transcript
