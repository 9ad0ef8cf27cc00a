import { NestFactory } from "@nestjs/core";

async function bootstrap() {
  const app = await NestFactory.create(Object);
  await app.listen(process.env.port ?? 3000);
}
bootstrap();
