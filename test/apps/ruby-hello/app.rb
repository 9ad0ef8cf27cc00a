# A program without gems. Its server is https://docs.ruby-lang.org/en/3.1/TCPServer.html.
require "socket"

$stdout.sync = true
version = "1"
port = Integer(ENV.fetch("PORT", "8080"))
server = TCPServer.new("0.0.0.0", port)
puts "version #{version} listens on port #{port}"
trap("TERM") do
  puts "stopping"
  exit
end

loop do
  Thread.start(server.accept) do |client|
    path = client.gets.to_s.split[1]
    nil while (line = client.gets) && line != "\r\n"
    body = path == "/healthz" ? "ok\n" : "hello from version #{version}, Ruby #{RUBY_VERSION}\n"
    client.write "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: #{body.bytesize}\r\nConnection: close\r\n\r\n#{body}"
    client.close
  end
end
