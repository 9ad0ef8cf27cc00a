require "roda"

class App < Roda
  route { |r| r.root { "hello from Roda" } }
end

run App.freeze.app
