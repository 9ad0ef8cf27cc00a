# Dependencies go into a virtual environment: https://docs.python.org/3/library/venv.html.
import os
from wsgiref.simple_server import make_server

import greeting


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [greeting.text().encode()]


make_server("", int(os.environ["PORT"]), application).serve_forever()
