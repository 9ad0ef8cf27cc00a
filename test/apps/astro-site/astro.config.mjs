// https://docs.astro.build/en/guides/deploy/
import { defineConfig } from "astro/config";

export default defineConfig({});
