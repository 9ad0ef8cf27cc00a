lazy val root = (project in file("."))
  .enablePlugins(PlayScala)
  .settings(
    name := "play-scala-seed",
    scalaVersion := "2.13.16",
    libraryDependencies += guice
  )
