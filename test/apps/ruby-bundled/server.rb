require "socket"
require "greeting"

server = TCPServer.new("0.0.0.0", Integer(ENV.fetch("PORT")))
loop do
  client = server.accept
  nil while (line = client.gets) && line != "\r\n"
  client.write "HTTP/1.1 200 OK\r\nContent-Length: #{Greeting.text.bytesize}\r\nConnection: close\r\n\r\n#{Greeting.text}"
  client.close
end
