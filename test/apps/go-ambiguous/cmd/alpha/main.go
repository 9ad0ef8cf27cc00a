// Command alpha is one of two.
package main

import "fmt"

func main() {
	fmt.Println("hello")
}
