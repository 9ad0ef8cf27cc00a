// Command import fills the shop.
package main

import "fmt"

func main() {
	fmt.Println("hello")
}
