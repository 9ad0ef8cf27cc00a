module example.com/workspace/web

go 1.25
