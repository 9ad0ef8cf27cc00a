module example.com/never-healthy

go 1.26
