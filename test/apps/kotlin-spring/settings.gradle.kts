rootProject.name = "blog"
