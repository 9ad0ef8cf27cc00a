def text():
    return "hello from an installed package\n"
