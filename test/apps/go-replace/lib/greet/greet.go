// Package greet greets.
package greet

// Hello is the greeting.
const Hello = "hello from a replaced module\n"
