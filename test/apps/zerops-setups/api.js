require("http").createServer((req, res) => res.end(`api ${process.env.LOG_LEVEL}\n`)).listen(process.env.PORT);
