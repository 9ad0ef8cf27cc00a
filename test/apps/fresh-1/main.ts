/// <reference lib="dom" />
import { start } from "$fresh/server.ts";
