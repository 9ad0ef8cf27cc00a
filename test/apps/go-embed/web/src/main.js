document.body.append("hello from go-embed");
