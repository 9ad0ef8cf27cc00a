const http = require("node:http");
const puppeteer = require("puppeteer");

http.createServer(async (_, res) => {
  const browser = await puppeteer.launch({ args: ["--no-sandbox"] });
  const page = await browser.newPage();
  await page.setContent("<h1>hello</h1>");
  res.end(await page.screenshot());
  await browser.close();
}).listen(process.env.PORT || 3000);
