import ms from "ms";

const server = Bun.serve({
  fetch: (): Response => new Response(`hello from Bun ${Bun.version}, up for less than ${ms(60_000 * 60)}\n`),
});

console.log("listening on " + server.url);

process.on("SIGTERM", async () => {
  await server.stop();
  process.exit(0);
});
