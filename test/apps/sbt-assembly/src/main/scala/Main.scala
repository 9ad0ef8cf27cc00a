package com.example

@main def main() = println("hello")
