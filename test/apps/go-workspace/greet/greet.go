// Package greet greets.
package greet

// Hello is the greeting.
func Hello() string { return "hello from a workspace\n" }
