package org.example.app;

public class App {
    public static void main(String[] args) {
        System.out.println(System.getenv("PORT"));
    }
}
