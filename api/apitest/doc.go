// Package apitest serves the API in a test: real records and bus (SQLite in a temporary folder), real
// log files, real HTTP, and a Deployer that goes through the phases without building or running
// anything. Tests of the API and of the csph command use it; nothing else may import it.
package apitest
