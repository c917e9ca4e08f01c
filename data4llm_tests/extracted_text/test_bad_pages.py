"""Pages that no author would write, by name: each gives a text, or a refusal that says which limit it is beyond."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

import pytest

from data4llm_assets.extracted_text import containment
from data4llm_assets.extracted_text.auto import Auto
from data4llm_assets.extracted_text.blocks import Blocks
from data4llm_assets.extracted_text.bte import BTE
from data4llm_assets.extracted_text.dragnet import Dragnet
from data4llm_assets.extracted_text.extraction import Extracted, Extraction, Refused
from data4llm_assets.extracted_text.justext import JusText
from data4llm_assets.extracted_text.raw import Raw
from data4llm_assets.extracted_text.readability import Readability
from data4llm_assets.extracted_text.resiliparse import Resiliparse
from data4llm_assets.extracted_text.site_recipe import SiteRecipe
from data4llm_assets.extracted_text.trafilatura import Trafilatura
from extracted_text.contained_pages import Outcome, outcomes
from extracted_text.extracted_records import extracted

REFUSALS = tuple(
    f"extracted_text.{name}" for name in ("empty", "max_depth", "max_elements", "max_bytes", "max_attributes", "selector")
)
EMPTY, DEPTH, ELEMENTS, BYTES, *_ = REFUSALS
N = 100_000


class Case(NamedTuple):
    """page : makes it. raw : what the engine that judges nothing finds in it: the beginning of its text, or a rule."""

    page: Callable[[], bytes]
    raw: str


def repeated(what: str, count: int = N, before: str = "", after: str = "text") -> Callable[[], bytes]:
    return lambda: (before + what * count + after).encode()


def numbered(what: str, count: int = N, after: str = "text") -> Callable[[], bytes]:
    return lambda: ("".join(what % number for number in range(count)) + after).encode()


CASES: dict[str, Case] = {
    # Nesting
    "deep": Case(repeated("<div>"), DEPTH),
    "deep, closed": Case(lambda: b"<div>" * N + b"text" + b"</div>" * N, DEPTH),
    "deep in line": Case(repeated("<span>"), DEPTH),
    "deep lists": Case(repeated("<ul><li>x"), DEPTH),
    "tables in tables": Case(repeated("<table><tr><td>", 1_000), DEPTH),
    "tables in rows": Case(repeated("<table><tr>", 10_000), "text"),
    "forms": Case(repeated("<form>"), DEPTH),
    "forms and divisions": Case(repeated("<form><div>", 20_000), DEPTH),
    "selects": Case(repeated("<select><option>", 10_000), EMPTY),
    "templates": Case(repeated("<template>"), DEPTH),
    "formulas": Case(repeated("<math><mi>"), DEPTH),
    "frames in frames": Case(repeated("<frameset>"), DEPTH),
    "links": Case(repeated("<a href=x>"), "text"),
    "links and paragraphs": Case(repeated("<a href=x><p>text", 10_000), "text\n\ntext"),
    "no scripts": Case(repeated("<noscript>"), DEPTH),
    "no scripts, closed": Case(lambda: b"<noscript>" * 10 + b"text " * 50 + b"</noscript>" * 10, "text text"),
    "drawings": Case(repeated("<svg>", after="</svg>" * N + "text"), "text"),
    "drawings with styles": Case(repeated("<svg><style><p>text", 10_000), "text\n\ntext"),
    "drawings with what is closed at once": Case(repeated("<svg><title/><style/><script/><path/></svg>", 10_000), "text"),
    "unknown": Case(numbered("<t%d>"), DEPTH),
    # Formatting elements that are never closed, each of which every paragraph opens anew.
    "formatting": Case(numbered("<b class=c%d>"), DEPTH),
    "formatting before paragraphs": Case(lambda: b"<b><i><u><em>" * 50 + b"<p>text" * 10_000, "text\n\ntext"),
    "fonts before paragraphs": Case(numbered("<font size=%d>", 900, after="<p>text" * 5_000), "text\n\ntext"),
    "formatting across paragraphs": Case(lambda: b"<a><b><p>text" * 300 + b"</a></b>" * 300, "text\n\ntext"),
    "formatting in cells": Case(repeated("<table>x<b>", 3_000), "x\n\nx"),
    # Many
    "brackets": Case(repeated("<", 10 * N, after=""), "<<<<"),
    "ampersands": Case(repeated("&", 10 * N, after=""), "&&&&"),
    "attributes": Case(lambda: b"<p " + b" ".join(b"a%d=1" % number for number in range(10 * N)) + b">text", "text"),
    "attributes alike": Case(repeated("class=x ", before="<p ", after=">text"), "text"),
    "attributes of one root": Case(numbered("<html a%d=1>"), "text"),
    "names": Case(numbered("</t%d>"), "text"),
    "items": Case(repeated("<li>text", before="<ul>", after=""), "- text\n- text"),
    "options": Case(repeated("<option>x", before="<select>", after="</select>text"), "text"),
    "cells of a row": Case(repeated("<td>x", 20_000, before="<table>", after=""), "x | x | x"),
    "rows": Case(repeated("<tr><td>x<td>y", 20_000, before="<table>", after=""), "x | y\nx | y"),
    "line breaks": Case(repeated("text<br>", 40_000, after=""), "text\ntext"),
    "paragraphs": Case(repeated("<p>x", 3 * N), ELEMENTS),
    "end tags": Case(repeated("</div></p>"), "text"),
    "titles": Case(repeated("<title>x</title>"), "text"),
    "empty scripts": Case(repeated("<script></script>"), "text"),
    "linked data": Case(repeated("<script ld+json>", before="<script type=application/ld+json>", after=""), EMPTY),
    "linked data, deep": Case(repeated('[{"author":', before="<script type=application/ld+json>", after="</script>text"), "text"),
    "metadata": Case(repeated("<meta name=author content=x>", 50_000), "text"),
    "bylines": Case(repeated("<p class=author>text", 20_000), "text\n\ntext"),
    "blanks in code": Case(repeated(" <b>\n</b>", 30_000, before="<pre>"), "text"),
    "keys": Case(repeated("<keygen><bgsound><basefont>", 10_000), "text"),
    # Never closed
    "nothing closed": Case(lambda: b"<title>t</title><div class=a<p>text<b <i>more<p>text \"x=' <", "textmore\n\ntext \"x=' <"),
    "plain text": Case(repeated("text <p>", 20_000, before="<p>before<plaintext>", after=""), "beforetext"),
    "comment": Case(repeated("more -- ", before="text<!--", after=""), "text"),
    "comments": Case(repeated("<!--", before="text", after=""), "text"),
    "character data": Case(repeated("more ]] ", before="text<![CDATA[", after=""), "text"),
    "script": Case(repeated("<p>more", before="text<script>", after=""), "text"),
    "title": Case(repeated("<noscript ", before="<title>", after=""), EMPTY),
    "title in no script": Case(
        repeated("<frame ", before="<noscript>" + "text " * 50 + "<title>", after="</noscript>"), "text"
    ),
    "quotation mark": Case(repeated("<p>more", before="text<p title='", after=""), "text"),
    "tag": Case(repeated(" a=b", before="text<p", after=""), "text"),
    "entity": Case(repeated("a", before="text &"), "text &aaaa"),
    # Others
    "empty": Case(lambda: b"", EMPTY),
    "blank": Case(lambda: b" \n\t" * 1_000, EMPTY),
    "NULs": Case(lambda: b"\0" * N, EMPTY),
    "frames": Case(lambda: b"<frameset><frame src=a><frame src=b><noframes><p>None.</noframes></frameset>", EMPTY),
    "noise": Case(lambda: random.Random(1).randbytes(50_000), ""),
    "picture": Case(lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + random.Random(2).randbytes(20_000), ""),
    "one word": Case(repeated("a", 50 * N), "aaaa"),
    "signs of Markdown": Case(lambda: b"<p>" + b"_" * N + b"<p>a" + b"_" * N + b"b<p>" + b"#" * N + b"<p>" + b"[](`*" * N, "____"),
}  # fmt: skip
FAST: tuple[Extraction, ...] = (Raw(), Resiliparse(), BTE(), Dragnet(), Blocks(format="markdown"))
SLOW: tuple[Extraction, ...] = (
    Auto(), Raw(format="markdown"), Trafilatura(), JusText(), Readability(), Resiliparse(format="markdown"),
    SiteRecipe.model_validate({"default": {"text": "body"}}),
    SiteRecipe.model_validate({"default": {"text": "body"}, "parser": "html.parser"}),
)  # fmt: skip


def named(method: Extraction) -> str:
    parameters = method.parameters().values()
    return "-".join([method.method, *(value for value in ("markdown", "html.parser") if value in parameters)])


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containment, "MOST_SECONDS", 30.0)


@pytest.mark.parametrize(
    "method", [*FAST, *(pytest.param(method, marks=pytest.mark.long) for method in SLOW)], ids=lambda method: named(method)
)
def test_each_gives_a_text_or_says_why_not(method: Extraction) -> None:
    made = (found[0] for _, found in outcomes([method], (case.page() for case in CASES.values())))
    each = zip(CASES.items(), made, strict=True)
    assert {name: told(outcome) for (name, case), outcome in each if not is_right(method, case, outcome)} == {}


def is_right(method: Extraction, case: Case, outcome: Outcome) -> bool:
    if isinstance(outcome, Extracted):
        outcome.text.encode()
        is_known = method == Raw()
        return "\0" not in outcome.text and (not is_known or outcome.text.lstrip().startswith(case.raw))
    if isinstance(method, Raw):
        return outcome.rule == case.raw or (not case.raw and outcome.rule == EMPTY)
    # What is main text, and how much a parser takes, is for each engine to say.
    return outcome.rule in REFUSALS


def told(outcome: Outcome) -> str:
    return f"text {outcome.text[:60]!r}" if isinstance(outcome, Extracted) else f"{outcome.rule}: {outcome.reason}"


@pytest.mark.long
@pytest.mark.parametrize("method", [*FAST, *SLOW], ids=lambda method: named(method))
def test_an_attribute_of_100_megabytes_is_refused_and_one_within_the_limit_is_read(method: Extraction) -> None:
    pages = [b"<p>text<p class='" + b"x " * count + b"'>text" for count in (50_000_000, 9_500_000)]
    large, small = (found[0] for _, found in outcomes([method], pages))
    assert isinstance(large, Refused)
    assert (large.rule, large.value) == (BYTES, 100_000_023)
    if method == Raw():
        assert isinstance(small, Extracted)
        assert small.text == "text\n\ntext"
    else:
        assert isinstance(small, Extracted) or small.rule in REFUSALS


@pytest.mark.parametrize(
    ("html", "text"),
    [
        # No characters, beyond Unicode, half of a pair, of another charset, a control, no break.
        ("<p>a&#0;b&#x110000;c&#xD800;d&#xDFFF;e&#99999999999999999999;f", "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf"),
        ("<p>&#128;&#x93;a&#148;", "€“a”"),
        ("<p>a&nbsp b&nbsp;c&#160d", "a b c d"),
        ("<p>a&lt b&ampc&copy2&notit;", "a< b&c©2¬it;"),
        ("<p>a&nosuch;b&;c& d&#;e&#x;f&", "a&nosuch;b&;c& d&#;e&#x;f&"),
        ("<p>&NotEqualTilde;&#x1F600;", "\u2242\u0338\U0001f600"),
        # Escaped twice by its author: a reader sees it escaped once.
        ("<p>&amp;lt;b&amp;gt; &amp;amp;amp; &amp;#39;", "&lt;b&gt; &amp;amp; &#39;"),
    ],
)
def test_entities(html: str, text: str) -> None:
    assert extracted(Raw(), html).text == text


@pytest.mark.parametrize("text", ["שלום 123 עולם, abc (ד)!", "مرحبا بالعالم ١٢٣ abc", "\u202eabc\u202c \u200fא\u200e b"])
@pytest.mark.parametrize("markup", ["<p>{}", "<p dir=rtl>{}", "<bdo dir=rtl>{}</bdo>", "<html dir=rtl><table><td>{}"])
def test_text_from_right_to_left_stays_in_the_order_in_which_it_is_read(text: str, markup: str) -> None:
    assert extracted(Raw(), markup.format(text)).text == text


RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 3


@pytest.mark.parametrize(
    ("codec", "declared", "head"),
    [
        ("utf-8", "iso-8859-1", "<meta charset=windows-1251>"),
        ("cp1251", "utf-8", "<meta charset=utf-8>"),
        ("cp1251", None, ""),
        ("koi8-r", None, "<meta charset=koi8-r>"),
        ("utf-16", "utf-8", ""),
        ("utf-16-le", None, ""),
        ("utf-16-be", "utf-8", "<meta charset=utf-8>"),
        ("utf-16-le", "iso-8859-1", "<meta charset=utf-16>"),
        ("utf-8-sig", "no-such-charset", "<meta charset=''>"),
    ],
)
@pytest.mark.parametrize("method", [Raw(), Resiliparse(), Trafilatura()], ids=lambda method: method.method)
def test_wrong_and_missing_charsets(codec: str, declared: str | None, head: str, method: Extraction) -> None:
    page = f"<html><head>{head}<title>Булки</title></head><body><article><p>{RUSSIAN * 3}</article></body></html>"
    meta = {} if declared is None else {"charset": declared}
    found = extracted(method, page.encode(codec), **meta)
    assert found.text == (RUSSIAN * 3).strip()
    assert found.title == "Булки"


@pytest.mark.parametrize(
    ("head", "canonical"),
    [
        ("<base href='javascript:alert(1)'><link rel=canonical href=/a>", "https://example.org/a"),
        ("<base href='data:text/html,x'><link rel=canonical href=b>", "https://example.org/some/b"),
        ("<base href='file:///etc/'><link rel=canonical href=passwd>", "https://example.org/some/passwd"),
        ("<base href=../x/><link rel=canonical href=y>", "https://example.org/x/y"),
        ("<base href=//other.example/z/><link rel=canonical href=y>", "https://other.example/z/y"),
        ("<base href=/one/><base href=/two/><link rel=canonical href=y>", "https://example.org/one/y"),
        ("<base target=_blank><base href=/two/><link rel=canonical href=y>", "https://example.org/two/y"),
        ("<base href='http://['><link rel=canonical href=y>", "https://example.org/some/y"),
        ("<base href='https://me:secret@example.net/'><link rel=canonical href=y>", "https://example.net/y"),
        ("<base href=https://example.net><base href='javascript:1'><link rel=canonical href='?q'>", "https://example.net/?q"),
        ("<link rel=canonical href='javascript:alert(1)'>", None),
        ("<link rel=canonical href='JaVaScRiPt:alert(1)'><meta property=og:url content=/c>", "https://example.org/c"),
        ("<link rel=canonical href='https://me:secret@example.org/d#e'>", "https://example.org/d"),
        ("<link rel=canonical href='http://[::1'><link rel=canonical href='http://'>", None),
        ("<link rel=canonical href='#top'><link rel=canonical href=''>", None),
        ("<link rel=canonical href='/f\n g'>", "https://example.org/f%20g"),
    ],
)
def test_addresses_are_those_that_a_server_may_be_asked_for(head: str, canonical: str | None) -> None:
    html = f"<html><head>{head}</head><body><p>text</body></html>"
    assert extracted(Raw(), html, url="https://example.org/some/page.html").meta.get("canonical_url") == canonical
