module example.com/go-library

go 1.26
