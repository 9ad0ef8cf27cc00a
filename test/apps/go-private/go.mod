module git.example.com/shop/web

go 1.25.3

require (
	git.example.com/shop/core v1.4.0
	github.com/go-chi/chi/v5 v5.2.3
)
