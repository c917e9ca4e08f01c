from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from data4llm_assets.raw_crawl import python_site

PATHS = [f"/modules/m{number}.html" for number in range(3000)]


def test_the_simulated_world_changes_a_little_with_each_delivery() -> None:
    for delivery in range(2, 9):
        before, now = ({path for path in PATHS if python_site.stands(path, n)} for n in (delivery - 1, delivery))
        gone, new = len(before - now), len(now - before)
        edited = sum(python_site.edited(path, delivery) for path in now & before)
        assert 0.01 < gone / len(before) < 0.03
        assert 0.01 < edited / len(before) < 0.03
        assert (0.01 < new / len(before) < 0.03) == (delivery <= python_site.LAST_NEW)
    gone_for_good = [path for path in PATHS if python_site.stands(path, 3) and not python_site.stands(path, 4)]
    assert not any(python_site.stands(path, 9) for path in gone_for_good)


@contextmanager
def served(delivery: int) -> Iterator[http.client.HTTPConnection]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "data4llm_assets.raw_crawl.python_site", "--port", str(port), "--delivery", str(delivery)]
    program = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for _ in range(600):
            try:
                connection.connect()
                break
            except OSError:
                time.sleep(0.05)
        yield connection
        connection.close()
        assert program.stdin is not None
        program.stdin.close()
        # It ends with its input, by itself.
        assert program.wait(10) == 0
    finally:
        program.kill()
        program.wait()


def get(connection: http.client.HTTPConnection, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


def locations(connection: http.client.HTTPConnection) -> list[str]:
    _, _, body = get(connection, "/sitemap.xml")
    return [line.split("</loc>")[0] for line in body.decode().split("<loc>")[1:]]


SOME = ("/modules/json.html", "/modules/builtins.html", "/modules/collections.abc.html", "/topics/assert.html", "/")


def test_the_site_speaks_http_and_a_page_does_not_depend_on_which_were_asked_for_before() -> None:
    with served(1) as connection:
        assert len(locations(connection)) >= 250
        status, headers, body = get(connection, "/modules/json.html")
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert b"JavaScript Object Notation" in body
        assert b" at 0x" not in body
        for known in ({"If_None_Match": headers["ETag"]}, {"If_Modified_Since": headers["Last-Modified"]}):
            assert get(connection, "/modules/json.html", **known)[::2] == (304, b"")
        assert get(connection, "/modules/json.html", If_None_Match='"other"')[0] == 200
        assert get(connection, "/modules/no.html")[0] == 404
        assert b"Sitemap: http://127.0.0.1" in get(connection, "/robots.txt")[2]
        first = [get(connection, path)[2] for path in SOME]
    with served(1) as connection:
        again = [get(connection, path)[2] for path in reversed(SOME)][::-1]
    assert first == again


def test_another_delivery_is_another_edition_of_few_pages() -> None:
    tags = {}
    for delivery in (1, 2):
        with served(delivery) as connection:
            paths = [url.partition("/modules/")[2] for url in locations(connection) if "/modules/" in url]
            told = {}
            for path in paths[:120]:
                connection.request("HEAD", f"/modules/{path}", headers={"If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT"})
                answer = connection.getresponse()
                answer.read()
                told[path] = (answer.status, answer.headers["ETag"])
            tags[delivery] = told
    both = tags[1].keys() & tags[2].keys()
    assert {status for status, _ in tags[1].values()} == {304}
    changed = [path for path in both if tags[1][path][1] != tags[2][path][1]]
    assert all((tags[2][path][0] == 200) == (path in changed) for path in both)
    assert len(changed) < 0.1 * len(both)


@pytest.mark.parametrize("text", ["Title\n*****\n\nSome\nprose.\n\n   code < 1\n\n+---+\n| x |\n+---+"])
def test_plain_text_becomes_headings_paragraphs_and_blocks(text: str) -> None:
    assert (
        python_site.prose(text) == "<h2>Title</h2>\n<p>Some prose.</p>\n<pre>   code &lt; 1</pre>\n<pre>+---+\n| x |\n+---+</pre>"
    )
