package io.helidon.examples.quickstart.se;

public class Main {
    public static void main(String[] args) {
    }
}
