import { greeting } from "./greeting.ts";

export default {
  fetch(_request: Request): Response {
    return new Response(greeting());
  },
};
