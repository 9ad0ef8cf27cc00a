const server = Bun.serve({
  fetch: (): Response => new Response("hello from Bun " + Bun.version + "\n"),
});

console.log("listening on " + server.url);

process.on("SIGTERM", async () => {
  await server.stop();
  process.exit(0);
});
