module example.com/shop/v2

go 1.24.3

toolchain go1.24.6
