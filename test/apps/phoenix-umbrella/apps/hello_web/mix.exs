defmodule HelloWeb.MixProject do
  use Mix.Project

  def project do
    [app: :hello_web, elixir: "~> 1.15", aliases: aliases()]
  end

  defp deps do
    [
      {:phoenix, "~> 1.8.1"}
    ]
  end

  defp aliases do
    [
      "assets.deploy": ["esbuild hello_web --minify", "phx.digest"]
    ]
  end
end
