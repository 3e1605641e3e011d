"""A small HTTP server for the stand-ins, and clients of their neighbours. Standard library only, and the programs that Debian's packages bring."""
import http.server
import json
import os
import socket
import subprocess
import urllib.parse


class Refused(Exception):
    def __init__(self, status, body=None):
        super().__init__(status)
        self.status, self.body = status, body if body is not None else {}


class Request:
    def __init__(self, handler):
        length = int(handler.headers.get("Content-Length") or 0)
        self.method, self.path = handler.command, urllib.parse.urlsplit(handler.path).path
        self.query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(handler.path).query))
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body = handler.rfile.read(length)

    @property
    def json(self):
        return json.loads(self.body or b"{}")

    @property
    def bearer(self):
        return self.headers.get("authorization", "").removeprefix("Bearer ")


def serve(port, respond, address="0.0.0.0"):
    """respond(request) returns what is sent as JSON, or raises Refused."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_any(self):
            try:
                status, body = 200, respond(Request(self))
            except Refused as refused:
                status, body = refused.status, refused.body
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = handle_any

        def log_message(self, *arguments):
            pass

    http.server.ThreadingHTTPServer((address, port), Handler).serve_forever()


def query(sql):
    """Runs SQL in the database of DATABASE_URL and returns its output. The password is in the environment of psql, not in its arguments."""
    url = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    environment = {**os.environ, "PGPASSWORD": urllib.parse.unquote(url.password), "PGCONNECT_TIMEOUT": "10"}
    command = ["psql", "--host", url.hostname, "--port", str(url.port), "--username", url.username, "--dbname", url.path[1:], "--no-psqlrc", "--quiet", "--tuples-only",
               "--no-align", "--set", "ON_ERROR_STOP=1"]
    return subprocess.run(command, input=sql, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def ping_redis(host, port, password):
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        answer = b""
        while not answer.endswith(b"+PONG\r\n"):
            part = connection.recv(100)
            if not part or b"-" in part:
                raise OSError(f"Redis answered {answer + part!r}")
            answer += part
