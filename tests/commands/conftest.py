"""A server on 127.0.0.1 that misbehaves as a test asks."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

BODY = np.random.default_rng(0).integers(0, 256, 3_000_000, dtype=np.uint8).tobytes()


class Server(ThreadingHTTPServer):
    """Serves one body, in the bad ways that a test asks for."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.etag, self.requests = BODY, '"one"', []
        self.break_after: list[int] = []  # bytes after which each of the first answers is cut off
        self.ranges, self.status, self.location, self.shift = True, None, None, 0
        self.tells_length = True

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/frames.zip"

    def handle_error(self, request, client_address):
        """A client that hangs up is no failure of the test."""


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server
        server.requests.append(self.headers.get("Range"))
        if server.location or server.status:
            return self.refuse()
        start = self.start()
        rest = server.body[start:]
        self.send_response(206 if start else 200)
        if start:
            at = start + server.shift
            self.send_header("Content-Range", f"bytes {at}-{len(server.body) - 1}/{len(server.body)}")
        if server.etag:
            self.send_header("ETag", server.etag)
        if server.tells_length:
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        cut = server.break_after.pop(0) if server.break_after else len(rest)
        self.wfile.write(rest[:cut])
        return None

    def start(self):
        asked, condition = self.headers.get("Range"), self.headers.get("If-Range")
        if not asked or not self.server.ranges or condition != self.server.etag:
            return 0
        return int(asked.removeprefix("bytes=").rstrip("-"))

    def refuse(self):
        self.send_response(self.server.status or 302)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def server():
    with Server() as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()
