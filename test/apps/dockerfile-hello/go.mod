module example.com/dockerfile-hello

go 1.26
