module Greeting
  def self.text = "hello from a gem of the source\n"
end
