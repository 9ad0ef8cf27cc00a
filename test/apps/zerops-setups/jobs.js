require("http").createServer((req, res) => {
  res.end(`jobs ${process.env.LOG_LEVEL}\n`);
  if (req.url === "/crash") process.exit(3);
}).listen(process.env.PORT);
