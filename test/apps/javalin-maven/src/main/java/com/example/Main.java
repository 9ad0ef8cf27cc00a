package com.example;

import io.javalin.Javalin;

public class Main {
    public static void main(String[] args) {
        Javalin.create()
            .get("/", ctx -> ctx.result("Hello"))
            .start(getPort());
    }

    private static int getPort() {
        String port = System.getenv("PORT");
        return port == null ? 7070 : Integer.parseInt(port);
    }
}
