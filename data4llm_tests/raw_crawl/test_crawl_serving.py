from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from data4llm_assets.node import Delivery, LandingFailed
from data4llm_assets.raw_crawl.crawl import Crawl
from data4llm_assets.raw_crawl.crawling.serving import Serve, served
from raw_crawl.crawl_site import landed

SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("<html><p>Delivery " + sys.argv[2] + " of " + self.headers["Host"]).encode()
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
open(sys.argv[3], "w").write(str(os.getpid()))
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def section(folder: Path, *command: str) -> Crawl:
    program = command or ("{python}", "-c", SERVER, "{port}", "{arrival}/{snapshot}", str(folder / "pid"))
    return Crawl(kind="crawl", domain="web", seeds=("http://docs.test/",), serve=Serve(host="docs.test", command=program))


def ended(folder: Path) -> bool:
    try:
        os.kill(int((folder / "pid").read_text()), 0)
    except ProcessLookupError:
        return True
    return False


def test_a_served_site_has_the_same_urls_in_every_crawl_and_ends_with_it(tmp_path: Path) -> None:
    for name, earlier in (("first", ()), ("second", ("first",))):
        told = landed(section(tmp_path), tmp_path, name, *earlier)
        assert told.select("url", "outcome").rows() == [("http://docs.test/", "page")]
        assert ended(tmp_path)


def test_a_finished_crawl_does_not_start_the_program_again(tmp_path: Path) -> None:
    landed(section(tmp_path), tmp_path)
    (tmp_path / "pid").unlink()
    landed(section(tmp_path), tmp_path)
    assert not (tmp_path / "pid").exists()


def test_the_program_ends_when_the_crawl_fails(tmp_path: Path) -> None:
    with pytest.raises(LandingFailed, match="status 404"):
        landed(section(tmp_path).model_copy(update={"seeds": ("http://docs.test/none",)}), tmp_path)
    assert ended(tmp_path)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("{python}", "-c", "import sys; sys.exit(3)", "{port}"), "ended with exit status 3; run it yourself to see why"),
        (("/no/such/program",), "/no/such/program cannot be started: No such file or directory"),
    ],
)
def test_a_program_that_does_not_serve_is_told(tmp_path: Path, command: tuple[str, ...], told: str) -> None:
    with pytest.raises(LandingFailed, match=told):
        landed(section(tmp_path, *command), tmp_path)


def test_other_braces_of_a_command_are_left_alone(tmp_path: Path) -> None:
    program = "import sys; assert sys.argv[1:] == ['{\"a\": {}}', '7-late'], sys.argv; sys.exit(5)"
    site = Serve(host="docs.test", command=("{python}", "-c", program, '{"a": {}}', "{arrival}-{snapshot}"))
    with pytest.raises(LandingFailed, match="exit status 5"), served(site, Delivery(tmp_path, "late", 7)):
        pytest.fail("nothing is served")


@pytest.mark.parametrize("host", ["Docs.test", "docs.test:80", "http://docs.test", "docs.test/", "a b", ""])
def test_a_served_host_is_a_plain_name(host: str) -> None:
    with pytest.raises(ValidationError, match="a host is written in lower case"):
        Serve(host=host, command=(sys.executable,))


def test_a_site_that_is_served_needs_no_contact_and_any_other_does() -> None:
    serve = {"host": "docs.test", "command": ["x"]}
    Crawl(kind="crawl", domain="web", seeds=("http://docs.test/a",), serve=serve)
    for seeds in (("http://docs.test/", "http://a.example/"), ("https://docs.test/",), ("http://docs.test:81/",)):
        with pytest.raises(ValidationError, match="`contact` is missing"):
            Crawl(kind="crawl", domain="web", seeds=seeds, serve=serve)
