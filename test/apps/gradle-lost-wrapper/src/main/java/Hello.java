public class Hello {
    public static void main(String[] args) {
        spark.Spark.port(4567);
    }
}
