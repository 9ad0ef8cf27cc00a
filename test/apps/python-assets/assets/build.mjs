import { mkdirSync, writeFileSync } from "node:fs";

mkdirSync("static", { recursive: true });
writeFileSync("static/built.txt", `built by Node.js ${process.versions.node}\n`);
