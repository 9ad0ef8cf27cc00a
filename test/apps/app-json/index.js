require("http").createServer((_, answer) => answer.end(process.env.GREETING)).listen(process.env.PORT);
