defmodule Shop.MixProject do
  use Mix.Project

  def project do
    [
      app: :shop,
      version: "0.1.0",
      elixir: "~> 1.16.2",
      deps: deps(),
      aliases: aliases(),
      releases: [
        shop_web: [include_executables_for: [:unix]]
      ]
    ]
  end

  defp deps do
    [
      {:phoenix, "~> 1.7.14"}
    ]
  end

  defp aliases do
    ["assets.deploy": ["cmd --cd assets node build.js --deploy", "phx.digest"]]
  end
end
