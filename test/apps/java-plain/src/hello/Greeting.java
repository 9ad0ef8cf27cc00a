package hello;

class Greeting {
    static String text() {
        return "hello from Java";
    }
}
