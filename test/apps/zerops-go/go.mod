module example.com/zerops-go

go 1.26
