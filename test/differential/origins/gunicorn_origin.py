"""A WSGI application for gunicorn, which keeps connections and reads chunked bodies. SEEN names the account's file."""
import os

seen = open(os.environ["SEEN"], "ab", buffering=0)


def application(environ, start_response):
    line = environ["REQUEST_METHOD"] + " " + environ["RAW_URI"] + "\n"
    seen.write(line.encode("latin1", "replace"))
    while environ["wsgi.input"].read(65536):
        pass
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
