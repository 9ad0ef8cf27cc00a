export const greeting = (): string => "hello from Deno " + Deno.version.deno + "\n";
