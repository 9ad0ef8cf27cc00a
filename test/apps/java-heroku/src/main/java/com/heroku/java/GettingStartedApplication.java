package com.heroku.java;

public class GettingStartedApplication {
    public static void main(String[] args) {
    }
}
