// Command crashes logs what is wrong and exits with status 3.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Println("starting")
	fmt.Println("reading configuration")
	fmt.Fprintln(os.Stderr, "fatal: DATABASE_URL is not set")
	os.Exit(3)
}
