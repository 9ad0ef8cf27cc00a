defmodule Web.MixProject do
  def project, do: [app: :web, deps: [{:phoenix, "~> 1.7"}]]
end
