defmodule Tiny do
  use Application

  def start(_, _) do
    Supervisor.start_link([{Bandit, plug: Tiny.Router, port: 4001}], strategy: :one_for_one)
  end
end
