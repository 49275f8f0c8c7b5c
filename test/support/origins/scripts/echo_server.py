"""Python's http.server as an origin: /ok, /size/..., and everything else is echoed.

usage: echo_server.py PORT DOCUMENTS 1.0|1.1
"""
import hashlib
import http.server
import json
import os
import sys

port, documents, version = int(sys.argv[1]), sys.argv[2], sys.argv[3]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/" + version
    # Head and body are two writes: with Nagle's algorithm each answer would wait 40 ms.
    disable_nagle_algorithm = True

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                if size == 0:
                    break
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self):
        body = self.read_body()
        if self.path == "/ok" or self.path.startswith("/size/"):
            with open(os.path.join(documents, self.path[1:]), "rb") as file:
                answer = file.read()
        else:
            answer = json.dumps({
                "method": self.command,
                "url": self.path,
                "headers": dict(self.headers),
                "sha256": hashlib.sha256(body).hexdigest(),
                "bytes": len(body),
            }).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


Server(("127.0.0.1", port), Handler).serve_forever()
