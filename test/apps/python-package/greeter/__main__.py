from wsgiref.simple_server import make_server

from greeter.app import application

if __name__ == "__main__":
    with make_server("", 8000, application) as server:
        server.serve_forever()
