from __future__ import annotations

import base64
import logging
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import ValidationError

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.crawl import Crawl
from data4llm_assets.recipe import RecipeError, parse_recipe
from raw_crawl.crawl_site import Request, crawl, found, landed, page, redirect, response, site

PLANTED = "hunter2/planted=secret"
COOKIE = "session-of-the-server-4711"
TRACES = [PLANTED, quote(PLANTED, safe=""), base64.b64encode(f"me:{PLANTED}".encode()).decode(), COOKIE]


def everything(folder: Path) -> bytes:
    """All that a crawl leaves, unpacked."""
    from fastwarc.warc import ArchiveIterator

    data = b""
    for file in folder.rglob("*"):
        if file.is_file():
            data += file.read_bytes() + file.name.encode()
            if file.name.endswith(".warc.gz"):
                with file.open("rb") as stream:
                    data += b"".join(
                        str(list(each.headers.items())).encode() + each.reader.read()
                        for each in ArchiveIterator(stream, parse_http=False)
                    )
    return data


def test_a_secret_is_told_to_the_site_and_to_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    basic = "Basic " + base64.b64encode(f"me:{PLANTED}".encode()).decode()
    monkeypatch.setenv("SITE_AUTHORIZATION", basic)
    monkeypatch.setenv("SITE_KEY", PLANTED)

    def echo(request: Request) -> bytes:
        return page(text=str(dict(request.headers)))

    def echo_decoded(request: Request) -> bytes:
        import gzip

        return response(gzip.compress(f"<p>{PLANTED}".encode()), ("Content-Encoding", "gzip"))

    def carry(request: Request) -> bytes:
        return redirect(f"/next?key={quote(PLANTED, safe='')}")

    answers = {
        "/": page("/echo", "/decoded", "/carry", "/cookie", "/elsewhere", "/error"),
        **{"/echo": echo, "/decoded": echo_decoded, "/carry": carry},
        "/cookie": page(headers=(("Set-Cookie", f"id={COOKIE}"),)),
        "/error": response(PLANTED.encode(), status="500 Oops"),
    }
    with site({"/": page(), "/robots.txt": response(b"")}) as other, site(answers) as served, caplog.at_level(logging.DEBUG):
        served.answers["/elsewhere"] = redirect(f"{other.url}/")
        headers = {"Authorization": "SITE_AUTHORIZATION", "X-Key": "SITE_KEY"}
        # The other host is in scope, but reached over http and no seed: it is told nothing.
        scope = {"hosts": [f"127.0.0.1:{served.port}", f"127.0.0.1:{other.port}"]}
        section = crawl(served.url, headers_env=headers, scope=scope, failures=1.0)
        told = landed(section, tmp_path)
        assert all(request.headers["authorization"] == basic and request.headers["x-key"] == PLANTED for request in served.requests)
        assert all("authorization" not in request.headers and "x-key" not in request.headers for request in other.requests)
        assert len(other.requests) == 3
        failed = told.filter(told["outcome"] == "failed")
        assert sorted(url.rpartition("/")[2] for url in failed["url"]) == ["carry", "decoded", "echo", "error"]
        assert set(failed["reason"]) == {"the response repeats a header that is kept secret"}
    left = everything(tmp_path)
    assert b"X-Key: (withheld)" in left
    assert b"Set-Cookie: (withheld)" in left
    assert b"SITE_KEY" not in left
    for trace in TRACES:
        assert trace.encode() not in left
        assert trace not in caplog.text
        assert trace not in str(found(section, tmp_path))
        assert trace not in str(section.reading())


def test_a_secret_that_is_missing_or_no_header_is_refused_without_being_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = crawl("http://127.0.0.1/", headers_env={"Authorization": "SITE_AUTHORIZATION"})
    monkeypatch.delenv("SITE_AUTHORIZATION", raising=False)
    with pytest.raises(LandingFailed, match="Authorization: the environment has no SITE_AUTHORIZATION"):
        landed(section, tmp_path)
    monkeypatch.setenv("SITE_AUTHORIZATION", f"{PLANTED}\r\nX-Other: 1")
    with pytest.raises(LandingFailed, match="cannot stand in a header") as refused:
        landed(section, tmp_path)
    assert PLANTED not in str(refused.value)


@pytest.mark.parametrize(
    "seed", [f"http://me:{quote(PLANTED, safe='')}@a.example/", f"http://{quote(PLANTED, safe='')}@a.example/"]
)
def test_credentials_in_a_seed_are_refused_without_being_told(seed: str) -> None:
    with pytest.raises(ValidationError, match="seed 1 holds credentials: take them out of the URL, and name a variable") as refused:
        Crawl(kind="crawl", domain="web", seeds=(seed,), contact="crawl@example.org")
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(refused.value)
    recipe = {
        "corpus": "c",
        "sources": {"web": {"kind": "crawl", "domain": "web", "seeds": [seed], "contact": "crawl@example.org"}},
        "steps": [{"stage": "raw_crawl"}, {"stage": "extracted_text"}],
    }
    with pytest.raises(RecipeError, match=r"sources\.web\.seeds: seed 1 holds credentials") as wrong:
        parse_recipe(recipe)
    assert "hunter2" not in str(wrong.value)


def test_credentials_in_links_are_refused_and_left_out(tmp_path: Path) -> None:
    with site({"/": page("/a"), "/a": page()}) as served:
        own = served.url.replace("//", f"//me:{quote(PLANTED, safe='')}@")
        served.answers["/a"] = redirect(f"{own}/b")
        told = landed(crawl(served.url), tmp_path)
        assert dict(told.select("url", "outcome").iter_rows())[f"{served.url}/b"] == "credentials"
        assert served.asked() == ["/", "/a"]
        journal = (tmp_path / "first" / ".crawl.sqlite").read_bytes() + (tmp_path / "first" / ".crawl.jsonl").read_bytes()
    assert b"hunter2" not in journal


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"headers_env": {"Authorization": "Bearer xyz"}}, "wants the name of an environment variable"),
        ({"headers_env": {"Host": "X"}}, "none that every request has"),
        ({"headers_env": {"Bad Name": "X"}}, "a header is named as in"),
        ({"user_agent": "(compatible)"}, "begins with the name of a product"),
        ({"user_agent": "bot\r\nX: y"}, "begins with the name of a product"),
        ({"contact": "a b"}, "a contact is a URL or an e-mail address"),
        ({"contact": None}, "`contact` is missing"),
        ({"seeds": ("ftp://a.example/",)}, "seed 1 is no http or https URL"),
        ({"seeds": ()}, "at least 1 item"),
    ],
)
def test_a_crawl_that_cannot_be_meant_is_refused_with_the_way_out(keys: dict[str, object], told: str) -> None:
    given = {"kind": "crawl", "domain": "web", "seeds": ("http://a.example/",), "contact": "crawl@example.org", **keys}
    with pytest.raises(ValidationError, match=told):
        Crawl(**given)
