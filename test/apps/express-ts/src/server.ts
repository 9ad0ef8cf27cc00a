import express from "express";

const app = express();

app.get("/", (_req, res) => {
  res.send("hello from express\n");
});

app.listen(Number(process.env.PORT ?? 8080), "0.0.0.0");
