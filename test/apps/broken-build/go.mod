module example.com/broken-build

go 1.26
