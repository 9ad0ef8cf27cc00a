ThisBuild / scalaVersion := "3.7.3"

lazy val app = (project in file("."))
  .settings(assembly / mainClass := Some("com.example.Main"))
