const fastify = require("fastify")();

fastify.get("/", async () => "hello\n");
fastify.listen({ port: process.env.PORT || 8080, host: "0.0.0.0" });
