// jobs has two process types, which are deployed as two services from the same source.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

func main() {
	switch os.Args[1] {
	case "serve":
		panic(http.ListenAndServe(":"+os.Getenv("PORT"), http.NotFoundHandler()))
	case "migrate":
		fmt.Println("migrated")
	default:
		for n := 1; ; n++ {
			fmt.Println("working on job", n)
			time.Sleep(time.Second)
		}
	}
}
