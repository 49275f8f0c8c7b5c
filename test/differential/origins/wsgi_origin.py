"""A WSGI application behind wsgiref, Python's own server: one request a connection, chunked bodies left unread.

usage: wsgi_origin.py PORT SEEN_FILE
"""
import socketserver
import sys
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

seen = open(sys.argv[2], "ab", buffering=0)


def application(environ, start_response):
    length = environ.get("CONTENT_LENGTH") or "0"
    environ["wsgi.input"].read(int(length))
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


class Handler(WSGIRequestHandler):
    def parse_request(self):
        seen.write(self.raw_requestline.rstrip(b"\r\n") + b"\n")
        return super().parse_request()

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, WSGIServer):
    # A thread each: else a connection that is kept warm would keep all others waiting.
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


make_server("127.0.0.1", int(sys.argv[1]), application, Server, Handler).serve_forever()
