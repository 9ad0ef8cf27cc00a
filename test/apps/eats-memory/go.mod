module example.com/eats-memory

go 1.26
