module example.com/go-embed

go 1.24
