const http = require("node:http");
const ms = require("ms");

const version = "1";
const port = process.env.PORT || 8080;
const started = Date.now();

const server = http.createServer((req, res) => {
  if (req.url === "/healthz") return res.end("ok\n");
  res.end(`hello from node-pnpm version ${version}, up for ${ms(Date.now() - started)}\n`);
});

server.listen(port, process.env.HOST, () => console.log(`version ${version} listens on port ${port}`));

process.on("SIGTERM", () => server.close(() => process.exit(0)));
