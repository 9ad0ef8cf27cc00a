const http = require("node:http");
const os = require("node:os");

const version = "1";
const port = process.env.PORT || 8080;

const server = http.createServer((req, res) => {
  if (req.url === "/healthz") return res.end("ok\n");
  res.end(`hello from version ${version} on ${os.hostname()}, Node.js ${process.versions.node}\n`);
});

server.listen(port, process.env.HOST, () => console.log(`version ${version} listens on port ${port}`));

process.on("SIGTERM", () => {
  console.log("stopping");
  server.close(() => process.exit(0));
});
