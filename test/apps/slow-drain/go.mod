module example.com/slow-drain

go 1.26
