package com.example.blog

import org.springframework.boot.runApplication

class BlogApplication

fun main(args: Array<String>) {
	runApplication<BlogApplication>(*args)
}
