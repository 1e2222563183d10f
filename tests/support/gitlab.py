"""The part of GitLab's API that a comment on a merge request needs, served on loopback."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlparse

NOTES = "/api/v4/projects/group%2Fshop/merge_requests/7/notes"


@contextmanager
def notes_server(notes: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve the notes of a merge request, one a page; yield the API's address and the notes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = int(parse_qs(urlparse(self.path).query)["page"][0])
            self._answer(notes[page - 1 : page])

        def do_POST(self) -> None:
            notes.append({"id": len(notes) + 1, **self._body()})
            self._answer(notes[-1])

        def do_PUT(self) -> None:
            number = int(self.path.rsplit("/", 1)[1])
            notes[number - 1] |= self._body()
            self._answer(notes[number - 1])

        def _body(self) -> dict[str, Any]:
            length = int(self.headers["Content-Length"])
            content: dict[str, Any] = json.loads(self.rfile.read(length))
            return content

        def _answer(self, content: object) -> None:
            known = urlparse(self.path).path.startswith(NOTES)
            self.send_response(200 if known and self.headers["PRIVATE-TOKEN"] == "t" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/v4", notes
    finally:
        server.shutdown()
        server.server_close()
