module example.com/procfile-go

go 1.26
