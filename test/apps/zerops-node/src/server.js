const http = require("http"), fs = require("fs");

const read = (name) => fs.readFileSync(name, "utf8").trim();
http.createServer((req, res) => {
  if (req.url === "/ready") return res.end("ready");
  if (req.url === "/sick") {
    fs.writeFileSync("/tmp/sick", "");
    return res.end("sick\n");
  }
  res.end([`version VERSION`, process.env.GREETING, `peer ${process.env.PEER}`, read("config/app.conf"), `starts ${read("/tmp/starts").length}`].join("\n") + "\n");
}).listen(3000);
