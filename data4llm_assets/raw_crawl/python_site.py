"""Python's documentation as a web site on loopback, from what pydoc knows: a program, for crawls that need a site at hand.

`python -m data4llm_assets.raw_crawl.python_site --port 8000 --delivery 1` serves a page for each module of the standard library and
for each of pydoc's topics, an index of them, `sitemap.xml` and `robots.txt`, with ETags, dates of change and 304s. It ends when its
standard input does, or when it is told to.

The world changes from delivery to delivery, and so does this site, as a simulation: at every delivery after the first about 2 % of
the pages are gone for good, 2 % have gained a sentence, and (up to the sixth) 2 % are new. Which ones is a function of their names
and of the delivery's number alone. Uses the standard library alone, in an interpreter that finds nothing else.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import importlib
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

CHANGES = 0.02
"""Share of the pages that go, are edited, or appear, at each delivery."""
LAST_NEW = 6
"""Delivery after which no page is new: all that there are have appeared."""
_FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_REMARKS = (
    "Examples on this page were run again and their output brought up to date.",
    "A note on compatibility with earlier versions was added to this page.",
    "The description of return values on this page was made more precise.",
    "Readers reported an unclear passage on this page, and it was reworded.",
)
_ROBOTS = "User-agent: *\nDisallow: /search\nSitemap: {root}/sitemap.xml\n"
_ANCHOR = re.compile(r'<a href="([\w.]+)\.html(?:#[^"]*)?">(.*?)</a>', re.S)
_UNDERLINE = re.compile(r"[=\-*~^\"]{3,}")


class Page(NamedTuple):
    """A page as one delivery shows it. changed: the delivery at which it became what it is."""

    path: str
    title: str
    changed: int
    body: Callable[[], str]


class World:
    """The pages of one delivery by path. Bodies are made when they are asked for, and kept."""

    def __init__(self, delivery: int, every: Mapping[str, tuple[str, Callable[[], str]]]) -> None:
        """every: title and body of each page there could be, by path."""
        standing = [path for path in every if stands(path, delivery)]
        self.pages = {path: Page(path, every[path][0], _changed(path, delivery), every[path][1]) for path in standing}
        index = partial(_index, tuple(self.pages.values()))
        self.pages["/"] = Page("/", "Python documentation", _index_changed(every, delivery), index)
        self._delivery = delivery
        self._lock = threading.Lock()
        self._made: dict[str, bytes] = {}

    def content(self, page: Page) -> bytes:
        """The page as it is sent."""
        # pydoc was not made to describe two modules at a time.
        with self._lock:
            if page.path not in self._made:
                remarks = "".join(f"<p>{_remark(page.path, n)}</p>\n" for n in range(2, self._delivery + 1) if edited(page.path, n))
                self._made[page.path] = _document(page.title, page.body(), remarks).encode()
            return self._made[page.path]


def share(*parts: str) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8], "big") / 2**64


def stands(path: str, delivery: int) -> bool:
    """Whether a page has appeared by a delivery, and is not gone."""
    appears = share("new", path)
    born = 2 + int(appears / CHANGES) if appears < CHANGES * (LAST_NEW - 1) else 1
    return born <= delivery and not any(share("gone", path, str(n)) < CHANGES for n in range(born + 1, delivery + 1))


def edited(path: str, delivery: int) -> bool:
    return share("edited", path, str(delivery)) < CHANGES


def _changed(path: str, delivery: int) -> int:
    return max([1, *(n for n in range(2, delivery + 1) if edited(path, n))])


def _remark(path: str, delivery: int) -> str:
    return _REMARKS[int(share("remark", path, str(delivery)) * len(_REMARKS))]


def _index_changed(paths: Iterable[str], delivery: int) -> int:
    names = tuple(paths)
    return max([1, *(n for n in range(2, delivery + 1) if any(stands(path, n) != stands(path, n - 1) for path in names))])


def catalogue(manual: ModuleType) -> dict[str, tuple[str, Callable[[], str]]]:
    """Title and body of every page there could be. manual: the module `python_manual.py`.

    All modules are imported here, in order, so that no page depends on which of them were asked for before.
    """
    from pydoc_data.topics import topics

    found: dict[str, tuple[str, Callable[[], str]]] = {}
    names = [name for name in manual.MODULES if _imported(name)]
    for name in names:
        found[f"/modules/{name}.html"] = (f"{name}: module", partial(_module, manual, name, frozenset(names)))
    for name, text in sorted(topics.items()):
        found[f"/topics/{name}.html"] = (f"{name}: topic", partial(prose, text))
    return found


def _imported(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def _module(manual: ModuleType, name: str, linked: frozenset[str]) -> str:
    """A module's page, with links to the modules that have one."""
    return _ANCHOR.sub(lambda found: found[0] if found[1] in linked else found[2], str(manual.page(name)))


def prose(text: str) -> str:
    """pydoc's plain text as HTML: titles that are underlined, indented blocks as they stand, the rest in paragraphs."""
    blocks = []
    for block in re.split(r"\n[ \t]*\n", text.strip("\n")):
        lines = block.split("\n")
        if len(lines) == 2 and _UNDERLINE.fullmatch(lines[1]):
            blocks.append(f"<h2>{html.escape(lines[0])}</h2>")
        elif all(line.startswith(("   ", "+", "|")) for line in lines):
            blocks.append(f"<pre>{html.escape(block)}</pre>")
        else:
            blocks.append(f"<p>{html.escape(' '.join(line.strip() for line in lines))}</p>")
    return "\n".join(blocks)


def _index(pages: Iterable[Page]) -> str:
    rows = "\n".join(f'<li><a href="{page.path}">{html.escape(page.title)}</a></li>' for page in pages)
    return f"<p>Modules of the standard library, and topics of the language.</p>\n<ul>\n{rows}\n</ul>"


def _document(title: str, body: str, remarks: str) -> str:
    if "<body" in body:
        # A module's page is whole already: the remarks go before its end.
        return body.replace("</body>", f"{remarks}</body>") if "</body>" in body else body + remarks
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><link rel="license" href="https://docs.python.org/3/license.html">'
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>\n<h1>{html.escape(title)}</h1>\n{body}\n{remarks}'
        '<p><a href="/">All pages</a></p>\n</body></html>\n'
    )


class Handler(BaseHTTPRequestHandler):
    """HTTP as a site's server speaks it: validators, 304s, connections that stay open."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    """Head and body in one piece: else the second waits for the first to be acknowledged."""
    world: World
    edition: str

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        root = f"http://{self.headers.get('Host', 'localhost')}"
        if path == "/robots.txt":
            self._send(_ROBOTS.format(root=root).encode(), "text/plain; charset=utf-8")
        elif path == "/sitemap.xml":
            rows = "".join(f"<url><loc>{html.escape(root + page.path)}</loc></url>\n" for page in self.world.pages.values())
            head = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
            self._send(f"{head}{rows}</urlset>\n".encode(), "application/xml")
        elif (page := self.world.pages.get(path)) is not None:
            self._page(page)
        else:
            self._send(b"There is no such page.\n", "text/plain; charset=utf-8", HTTPStatus.NOT_FOUND)

    do_HEAD = do_GET

    def _page(self, page: Page) -> None:
        # A page is a function of these, so that to say it did not change it need not be made.
        tag = f'"{hashlib.sha256(f"{self.edition} {page.path} {page.changed}".encode()).hexdigest()[:16]}"'
        changed = _FIRST_DAY + timedelta(days=7 * (page.changed - 1))
        told = (("ETag", tag), ("Last-Modified", format_datetime(changed, usegmt=True)))
        if self._is_known(tag, changed):
            self._send(b"", "", HTTPStatus.NOT_MODIFIED, told)
        else:
            self._send(self.world.content(page), "text/html; charset=utf-8", HTTPStatus.OK, told)

    def _is_known(self, tag: str, changed: datetime) -> bool:
        if (tags := self.headers.get("If-None-Match")) is not None:
            return tag in tags
        try:
            return changed <= parsedate_to_datetime(self.headers.get("If-Modified-Since", ""))
        except (ValueError, TypeError):
            return False

    def _send(self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK, told: Iterable[tuple[str, str]] = ()) -> None:
        self.send_response(status)
        for name, value in told:
            self.send_header(name, value)
        if status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """A site for one visitor keeps no log."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve Python's documentation on loopback.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--delivery", type=int, default=1, help="1 or more: the site changes a little from each to the next")
    given = parser.parse_args()
    if not sys.flags.isolated:
        # Once more, where nothing but the standard library can be found: the pages depend on this Python alone.
        os.execv(sys.executable, [sys.executable, "-I", "-S", __file__, *sys.argv[1:]])
    warnings.simplefilter("ignore")
    manual = _manual()
    Handler.world = World(given.delivery, catalogue(manual))
    sources = b"".join(Path(str(file)).read_bytes() for file in (__file__, manual.__file__))
    Handler.edition = f"{sys.version} {hashlib.sha256(sources).hexdigest()}"
    server = ThreadingHTTPServer(("127.0.0.1", given.port), Handler)
    threading.Thread(target=_end_with_input, daemon=True).start()
    server.serve_forever()


def _manual() -> ModuleType:
    spec = spec_from_file_location("python_manual", Path(__file__).with_name("python_manual.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
