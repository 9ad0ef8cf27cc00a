package com.example;

public class DemoApplication {
    public static void main(String[] args) {
    }
}
