// Command broken-build does not compile: greeting is never defined.
package main

import "net/http"

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(greeting))
	})
	http.ListenAndServe(":8080", nil)
}
