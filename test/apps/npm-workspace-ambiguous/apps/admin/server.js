require("node:http").createServer((_req, res) => res.end("admin\n")).listen(process.env.PORT);
