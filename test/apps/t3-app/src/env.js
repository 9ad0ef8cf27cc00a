// All variables are asked for when the app is built, too, unless this is switched off.
const required = ["DATABASE_URL"];

if (!process.env.SKIP_ENV_VALIDATION) {
  const missing = required.filter((name) => !process.env[name]);
  if (missing.length > 0) throw new Error(`not set: ${missing.join(", ")}`);
}

export const env = process.env;
