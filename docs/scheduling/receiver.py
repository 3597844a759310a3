"""A web hook of this machine, to try notifications without a service: prints each message that is posted to it."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer


class Receiver(BaseHTTPRequestHandler):
    """Takes what RUNBOOKS_NOTIFY=json://127.0.0.1:9099 sends."""

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(told["title"], told["message"], sep="\n", end="\n\n", flush=True)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Print nothing but the messages."""


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", 9099), Receiver).serve_forever()
