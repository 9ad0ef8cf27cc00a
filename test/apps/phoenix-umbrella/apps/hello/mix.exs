defmodule Hello.MixProject do
  use Mix.Project

  def project do
    [app: :hello, elixir: "~> 1.15"]
  end
end
