defmodule Tiny.MixProject do
  use Mix.Project

  def project do
    [app: :tiny, version: "0.1.0", elixir: ">= 1.14.0 and < 1.18.0", deps: [{:bandit, "~> 1.0"}]]
  end

  def application do
    [mod: {Tiny, []}]
  end
end
