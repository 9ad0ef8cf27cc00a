module github.com/jones/app

go 1.24
