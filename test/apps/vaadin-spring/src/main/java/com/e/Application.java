package com.e;
public class Application { public static void main(String[] args) {} }
