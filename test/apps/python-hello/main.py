# A program without packages. Server and signals: https://docs.python.org/3/library/http.server.html.
import os
import platform
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = "1"


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        body = "ok\n" if self.path == "/healthz" else f"hello from version {VERSION}, Python {platform.python_version()}\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(body.encode())


def stop(number, frame):
    print("stopping")
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
port = int(os.environ.get("PORT", "8080"))
print(f"version {VERSION} listens on port {port}")
ThreadingHTTPServer(("", port), Hello).serve_forever()
