"""Servers on loopback that alerts are sent to: one for webhooks, one for mail. Each ends with its context."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any


class Hook(ThreadingHTTPServer):
    """Keeps what was posted. `answers`: statuses to give, in order, the last for good; 0 answers nothing for ten seconds."""

    daemon_threads = True

    def __init__(self, *answers: int) -> None:
        super().__init__(("127.0.0.1", 0), _Posted)
        self.answers = list(answers or (200,))
        self.posted: list[tuple[str, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is what some tests are about."""


class _Posted(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.posted.append((self.path, body))
        status = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        if not status:
            time.sleep(10)
            return
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"{self.server.url}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class Mail(ThreadingTCPServer):
    """As much of SMTP as a submission takes: EHLO, STARTTLS, AUTH PLAIN, MAIL, RCPT, DATA. Keeps messages, logins and verbs."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None, password: str) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.context, self.password = context, password
        self.port = self.server_address[1]
        self.messages: list[str] = []
        self.verbs: list[str] = []

    def handle_error(self, *_: Any) -> None:
        """As above."""


class _Session(StreamRequestHandler):
    server: Mail

    def handle(self) -> None:
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            verb, _, rest = line.partition(" ")
            verb = verb.upper()
            self.server.verbs.append(verb)
            if verb == "EHLO":
                secure = isinstance(self.connection, ssl.SSLSocket)
                self._say("250-here" if self.server.context else "250 here")
                if self.server.context:
                    self._say("250 AUTH PLAIN" if secure else "250 STARTTLS")
            elif verb == "STARTTLS" and self.server.context:
                self._say("220 go ahead")
                self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
            elif verb == "AUTH":
                known = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")[2] == self.server.password
                self._say("235 welcome" if known else f"535 wrong: {rest}")
            elif verb == "DATA":
                self._say("354 go on")
                lines = []
                while (found := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                    lines.append(found)
                self.server.messages.append("\n".join(lines))
                self._say("250 taken")
            else:
                self._say("221 bye" if verb == "QUIT" else "250 fine")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def certificate(folder: Path, host: str = "localhost") -> tuple[Path, ssl.SSLContext]:
    """A certificate of `host` that nobody else signed: its file, and a server's context."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime(2000, 1, 1))
        .not_valid_after(datetime.datetime(2100, 1, 1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "certificate.pem", folder / "key.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return file, context
