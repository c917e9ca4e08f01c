"""A loopback server that speaks ranges, and misbehaves as told. It stops with its context."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

Fault = str | None


class RangeServer:
    """Serves the files of a folder.

    fault: asked for each request with (number of the request, path); what it answers happens: `drop` (half of the body, then the
    end), `503` (with Retry-After), `lie` (another range, and it says so), `ignore` (the whole file), `short` (fewer bytes than
    said), `hang` (no answer), `401`, or a URL to redirect to. None: all goes well.
    """

    def __init__(self, folder: Path, fault: Callable[[int, str], Fault] | None = None) -> None:
        self.folder, self.fault = folder, fault or (lambda number, path: None)
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bytes_sent = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> RangeServer:
        served = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                served._answer(self)

            def do_HEAD(self) -> None:
                served._answer(self, body=False)

            def log_message(self, format: str, *arguments: Any) -> None:
                """Nothing is printed."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that hangs up is nothing to report."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler, *, body: bool = True) -> None:
        path = handler.path.partition("?")[0]
        with self._lock:
            number = len(self.paths)
            self.paths.append(handler.path)
            self.headers.append(dict(handler.headers))
        fault = self.fault(number, path)
        file = self.folder / path.lstrip("/")
        if fault is not None and fault.startswith("http"):
            return self._send(handler, 302, {"Location": fault}, b"")
        if fault == "503":
            return self._send(handler, 503, {"Retry-After": "0"}, b"busy")
        if fault == "401":
            return self._send(handler, 401, {}, b"who are you")
        if fault == "hang":
            self._closing.wait(20)
            return None
        if not file.is_file():
            return self._send(handler, 404, {}, b"no such file")
        data = file.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", ""))
        if asked is None or fault == "ignore":
            return self._send(handler, 200, {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}, data if body else b"", len(data))
        start, end = int(asked[1]), min(int(asked[2] or len(data)) + 1, len(data))
        if start >= len(data):
            return self._send(handler, 416, {"Content-Range": f"bytes */{len(data)}"}, b"")
        shift = int(fault == "lie") * (-1 if start else 1)
        said = f"bytes {start + shift}-{end - 1 + shift}/{len(data)}"
        part = data[start + shift : end + shift].ljust(end - start, b"?")
        if fault in ("drop", "short"):
            part = part[: len(part) // 2]
        length = len(part) if fault == "short" else end - start
        headers = {"Content-Range": said, "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "ETag": f'"{len(data)}"'}
        self._send(handler, 206, headers, part if body else b"", length)
        if fault == "drop":
            handler.close_connection = True
        return None

    def _send(
        self, handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes, length: int | None = None
    ) -> None:
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body) if length is None else length)}.items():
            handler.send_header(name, value)
        handler.end_headers()
        try:
            handler.wfile.write(body)
        except OSError:
            handler.close_connection = True
            return
        if 200 <= status < 300:
            with self._lock:
                self.bytes_sent += len(body)
