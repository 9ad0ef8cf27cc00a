// Package platform owns the nouns of csph (Account, Project, Environment, Service, Deployment,
// Spherelet, Event), the deployment state machine, the spherelet shapes and the errors that
// callers branch on. It imports the standard library only, holds no behaviour that needs I/O,
// and refuses to know how anything is stored, built, run or routed.
package platform
