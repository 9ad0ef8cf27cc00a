import Config
# PORT
config :hello_web, HelloWeb.Endpoint, http: [port: String.to_integer(System.get_env("PORT") || "4000")]
