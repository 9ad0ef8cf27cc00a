package com.example.starter;

public class MainVerticle extends VerticleBase {
  @Override
  public Future<?> start() {
    return vertx.createHttpServer().requestHandler(req -> {
      req.response().end("Hello from Vert.x!");
    }).listen(8888);
  }
}
