import { createServer } from "node:http";
import { price } from "@shop/prices";

createServer((_, res) => res.end(`it costs ${price()}\n`)).listen(Number(process.env.PORT));
