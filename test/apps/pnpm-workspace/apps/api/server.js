const http = require("node:http");
const { hello } = require("@shop/greet");

http.createServer((_req, res) => res.end(hello)).listen(process.env.PORT || 8080);
