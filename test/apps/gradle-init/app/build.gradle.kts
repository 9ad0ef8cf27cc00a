plugins {
    id("buildlogic.java-application-conventions")
    application
}

dependencies {
    implementation("org.apache.commons:commons-text")
    implementation(project(":utilities"))
}

application {
    mainClass = "org.example.app.App"
}
