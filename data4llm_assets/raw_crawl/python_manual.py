"""Reference pages of Python's standard library, as `pydoc` writes them: a script, run in an interpreter of its own.

Importing two hundred modules has effects that no build should have in itself. What differs between machines and runs (paths,
memory addresses, values of environment variables) is left out of the pages. Uses the standard library alone.
"""

from __future__ import annotations

import builtins
import importlib
import json
import pydoc
import re
import sys
import warnings
from typing import Any

MODULES = (
    "abc", "argparse", "array", "ast", "asyncio", "asyncio.base_events", "asyncio.events", "asyncio.exceptions", "asyncio.futures",
    "asyncio.locks", "asyncio.protocols", "asyncio.queues", "asyncio.runners", "asyncio.streams", "asyncio.subprocess",
    "asyncio.tasks", "asyncio.timeouts", "asyncio.transports", "atexit", "base64", "bdb", "binascii", "bisect", "builtins", "bz2",
    "calendar", "cmath", "cmd", "code", "codecs", "codeop", "collections", "collections.abc", "colorsys", "compileall",
    "concurrent.futures", "concurrent.futures.process", "concurrent.futures.thread", "configparser", "contextlib", "contextvars",
    "copy", "copyreg", "csv", "ctypes", "ctypes.util", "curses.ascii", "dataclasses", "datetime", "dbm", "dbm.dumb", "decimal",
    "difflib", "dis", "doctest", "email", "email.charset", "email.contentmanager", "email.encoders", "email.errors",
    "email.feedparser", "email.generator", "email.header", "email.headerregistry", "email.iterators", "email.message",
    "email.mime.application", "email.mime.audio", "email.mime.base", "email.mime.image", "email.mime.message",
    "email.mime.multipart", "email.mime.text", "email.parser", "email.policy", "email.utils", "encodings", "encodings.idna",
    "enum", "errno", "faulthandler", "filecmp", "fileinput", "fnmatch", "fractions", "ftplib", "functools", "gc", "getopt",
    "getpass", "gettext", "glob", "graphlib", "gzip", "hashlib", "heapq", "hmac", "html", "html.entities", "html.parser", "http",
    "http.client", "http.cookiejar", "http.cookies", "http.server", "imaplib", "importlib", "importlib.abc", "importlib.machinery",
    "importlib.metadata", "importlib.resources", "importlib.resources.abc", "importlib.util", "inspect", "io", "ipaddress",
    "itertools", "json", "json.decoder", "json.encoder", "keyword", "linecache", "locale", "logging", "logging.config",
    "logging.handlers", "lzma", "mailbox", "marshal", "math", "mimetypes", "mmap", "modulefinder", "multiprocessing",
    "multiprocessing.connection", "multiprocessing.context", "multiprocessing.dummy", "multiprocessing.managers",
    "multiprocessing.pool", "multiprocessing.process", "multiprocessing.queues", "multiprocessing.shared_memory",
    "multiprocessing.sharedctypes", "multiprocessing.synchronize", "netrc", "ntpath", "numbers", "opcode", "operator", "optparse",
    "pathlib", "pdb", "pickle", "pickletools", "pkgutil", "platform", "plistlib", "poplib", "posixpath", "pprint", "profile",
    "pstats", "py_compile", "pyclbr", "pydoc", "queue", "quopri", "random", "re", "reprlib", "rlcompleter", "runpy", "sched",
    "secrets", "select", "selectors", "shelve", "shlex", "shutil", "signal", "smtplib", "socket", "socketserver", "sqlite3",
    "sqlite3.dbapi2", "ssl", "stat", "statistics", "string", "stringprep", "struct", "subprocess", "symtable", "tabnanny",
    "tarfile", "tempfile", "textwrap", "threading", "timeit", "token", "tokenize", "tomllib", "trace", "traceback", "tracemalloc",
    "types", "typing", "unicodedata", "unittest", "unittest.async_case", "unittest.case", "unittest.loader", "unittest.main",
    "unittest.mock", "unittest.result", "unittest.runner", "unittest.signals", "unittest.suite", "unittest.util", "urllib.error",
    "urllib.parse", "urllib.request", "urllib.response", "urllib.robotparser", "uuid", "venv", "warnings", "wave", "weakref",
    "webbrowser", "wsgiref", "wsgiref.handlers", "wsgiref.headers", "wsgiref.simple_server", "wsgiref.types", "wsgiref.util",
    "wsgiref.validate", "xml.dom", "xml.dom.domreg", "xml.dom.minidom", "xml.dom.pulldom", "xml.etree.ElementTree",
    "xml.parsers.expat", "xml.sax", "xml.sax.expatreader", "xml.sax.handler", "xml.sax.saxutils", "xml.sax.xmlreader",
    "xmlrpc.client", "xmlrpc.server", "zipapp", "zipfile", "zipimport", "zlib", "zoneinfo",
)  # fmt: skip
"""Modules whose import does nothing but define things: no window, no browser, no message, no network."""

_MEMORY_ADDRESS = re.compile(r"(?:&nbsp;|\s)at(?:&nbsp;|\s)0x[0-9a-fA-F]{6,16}\b")
# Definition lists nested to hold one definition each, and blocks within spans, are markup of another time.
_ELEMENTS = (
    ("<dl>", "<div>"), ("</dl>", "</div>"), ("<dd>", "<div>"), ("</dd>", "</div>"), ("<dt", "<h3"), ("</dt>", "</h3>"),
    ('<span class="code">', "<div>"), ("</span>", "</div>"), ("&nbsp;", " "),
)  # fmt: skip


class ManualPages(pydoc.HTMLDoc):
    """pydoc's pages in the elements of today's HTML: headings, sections, paragraphs and `pre` for its tables and hard spaces.

    They lack the values that a module holds here and now (`os.environ`, search paths, caches).
    """

    def heading(self, title: str, extras: str = "") -> str:
        return f"<h1>{title}</h1>"

    def section(self, title: str, cls: str, contents: str, width: int = 6, prelude: str = "", *rest: Any, **more: Any) -> str:
        return f"<section><h2>{title}</h2>\n{prelude}\n{contents}\n</section>"

    def multicolumn(self, list: Any, format: Any) -> str:
        return "<ul>" + "".join(f"<li>{format(item)}</li>\n" for item in list) + "</ul>"

    def grey(self, text: str) -> str:
        return f"<em>{text}</em>"

    def docroutine(self, object: Any, name: str | None = None, *rest: Any, **more: Any) -> str:
        # What every class says of `__repr__` is not worth saying two thousand times.
        general = getattr(builtins.object, name or "", None)
        return "" if general is not None and general.__doc__ == object.__doc__ else super().docroutine(object, name, *rest, **more)

    def filelink(self, url: str, path: str) -> str:
        return ""

    def markup(self, text: str, escape: Any = None, *names: Any, **more: Any) -> str:
        if escape != self.preformat:
            return super().markup(text, escape, *names, **more)
        blocks = re.split(r"\n[ \t]*\n", text.expandtabs().strip("\n"))
        return "\n".join(self.block(block) for block in blocks if block.strip())

    def block(self, text: str) -> str:
        """A block of a docstring: prose if its lines have one indent, else laid out by hand and kept so."""
        lines = text.strip("\n").split("\n")
        indents = {len(line) - len(line.lstrip()) for line in lines}
        if len(indents) == 1 and not lines[0].lstrip().startswith((">>>", "$", "+--", "|")):
            return f"<p>{self.escape(' '.join(line.strip() for line in lines))}</p>"
        return f"<pre>{self.escape(chr(10).join(lines))}</pre>"

    def docother(self, object: Any, name: str | None = None, mod: Any = None, *ignored: Any) -> str:
        shown = repr(object) if type(object) in (bool, int, type(None)) else f"<em>{type(object).__name__}</em>"
        return f"<strong>{name}</strong> = {shown}" if name else shown


def page(name: str) -> str | None:
    """The HTML page of a module; None if this interpreter lacks it."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        return None
    pages = ManualPages()
    html = pages.page(pydoc.describe(module), pages.document(module, name))
    html = _MEMORY_ADDRESS.sub("", html)
    for old, new in _ELEMENTS:
        html = html.replace(old, new)
    for place in sorted({sys.executable, sys.prefix, sys.base_prefix, sys.exec_prefix}, key=len, reverse=True):
        html = html.replace(place, "")
    return html


def main(names: list[str]) -> None:
    """Write one JSON line (module, page) for each module, to standard output; no names: all."""
    warnings.simplefilter("ignore")
    for name in MODULES:
        if (not names or name in names) and (html := page(name)) is not None:
            sys.stdout.write(json.dumps([name, html]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
