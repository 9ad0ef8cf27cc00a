require("node:http").createServer((_req, res) => res.end("api\n")).listen(process.env.PORT);
