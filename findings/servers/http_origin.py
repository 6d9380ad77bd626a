"""An HTTP server for the findings that need one: it answers every GET, POST and PUT as a function says."""

import http.server
import threading
from collections.abc import Callable, Mapping
from email.message import Message

Answer = tuple[int, Mapping[str, str], bytes | None]
"""Status, header fields, and the body; None where the answer has none."""


def serve(
    answer: Callable[[str, Message], Answer], hear: Callable[[str, bytes | None], object] = lambda target, body: None
) -> str:
    """Serve on a free port of 127.0.0.1 until the script ends. Returns the address, without a slash at its end.

    answer: from the target, with its query, and the header fields of the request. hear: called before that, with the
    target and the body that was sent there, None for one that ended in the middle.
    """

    class Origin(http.server.BaseHTTPRequestHandler):
        """Answers, and says nothing on standard error."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Hand on what the function answers."""
            status, fields, body = answer(self.path, self.headers)
            self.send_response(status)
            for name, value in fields.items():
                self.send_header(name, value)
            if body is not None:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if body is not None:
                self.wfile.write(body)

        def do_POST(self) -> None:
            """Answer as a GET, whatever the body says."""
            body = _body_of(self)
            hear(self.path, body)
            if body is None:
                self.close_connection = True  # nobody waits for an answer
            else:
                self.do_GET()

        def do_PUT(self) -> None:
            """Answer as a POST."""
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        """Has room for many who connect at once."""

        request_queue_size = 100

    server = Server(("127.0.0.1", 0), Origin)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def _body_of(request: http.server.BaseHTTPRequestHandler) -> bytes | None:
    """The body of a request, in chunks or not; None where it ends in the middle."""
    if request.headers["Transfer-Encoding"] is None:
        length = int(request.headers["Content-Length"] or 0)
        body = request.rfile.read(length)
        return body if len(body) == length else None
    chunks = []
    while line := request.rfile.readline().strip():
        size = int(line, 16)
        chunks.append(request.rfile.read(size))
        request.rfile.readline()
        if size == 0:
            return b"".join(chunks)
    return None
