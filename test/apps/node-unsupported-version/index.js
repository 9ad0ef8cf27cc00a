require("node:http").createServer((_req, res) => res.end("old\n")).listen(process.env.PORT);
