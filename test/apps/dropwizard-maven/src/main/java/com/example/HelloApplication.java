package com.example;

import io.dropwizard.core.Application;
import io.dropwizard.core.Configuration;
import io.dropwizard.core.setup.Environment;

public class HelloApplication extends Application<Configuration> {
  public static void main(String[] args) throws Exception {
    new HelloApplication().run(args);
  }

  @Override
  public void run(Configuration configuration, Environment environment) {}
}
