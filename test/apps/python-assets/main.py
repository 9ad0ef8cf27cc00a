# Serves what Node.js has built, as https://docs.djangoproject.com/en/5.2/howto/static-files/deployment/ does with a
# build of its front end.
import os
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

handler = partial(SimpleHTTPRequestHandler, directory="static")
ThreadingHTTPServer(("", int(os.environ["PORT"])), handler).serve_forever()
