// Command go-templates reads its template when it runs.
package main

import (
	"html/template"
	"log"
	"net/http"
	"os"
)

func main() {
	page := template.Must(template.ParseFiles("templates/index.html"))
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if err := page.Execute(w, r.URL.Path); err != nil {
			log.Print(err)
		}
	})
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
