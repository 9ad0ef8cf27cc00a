# myapp.rb, as on https://sinatrarb.com/intro.html; `bundle add sinatra rackup puma` wrote the Gemfile.
require "sinatra"

get "/" do
  "Hello world!"
end
