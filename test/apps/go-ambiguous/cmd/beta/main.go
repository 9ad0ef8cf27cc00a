// Command beta is the other.
package main

import "fmt"

func main() {
	fmt.Println("hello")
}
