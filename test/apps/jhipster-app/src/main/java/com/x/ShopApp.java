package com.x;
public class ShopApp { public static void main(String[] a) {} }
