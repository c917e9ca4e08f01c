from __future__ import annotations

import gzip
import json
import re
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.extracted_text.charset import decode
from data4llm_assets.extracted_text.extraction import plain_form
from data4llm_assets.extracted_text.page_metadata import PageMetadata, of_page

URL = "https://example.org/a/b.html"


def linked(data: str) -> str:
    return f'<script type="application/ld+json">{data}</script>'


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ('<meta property="og:title" content="Shared"><title>Own</title>', "Shared"),
        ('<meta property="og:title" content=" "><title>Own</title><body><h1>First</h1>', "Own"),
        ("<body><h1>The <b>first</b>\n one</h1><h1>Second</h1>", "The first one"),
        ("<BODY><H1 CLASS=x>Loud</H1>", "Loud"),
        ("<title></title><body><h1> </h1><h1>Second</h1>", "Second"),
        ("<TITLE lang=en>a &lt;b&gt; &amp; c</TITLE>", "a <b> & c"),
        ("<title>never closed<p>text", "never closed"),
        ('<meta content="b > a" property="og:title">', "b > a"),
        ("<meta content='it is \"so\"' property='og:title'/>", 'it is "so"'),
        ('<META CONTENT="it\'s" PROPERTY=OG:TITLE>', "it's"),
        ('<meta property="x:title og:title" content="one of two">', "one of two"),
        ("<title>" + "long " * 1000, ("long " * 400).strip()),
        ("<!-- <title>Comment</title> --><title>Real</title>", "Real"),
        ("<script>'<title>Script</title>'</script><title>Real</title>", "Real"),
        ("<style><title>Style</title></style><title>Real</title>", "Real"),
        ("<title>Head</title><body><title>Drawing</title>", "Head"),
        ('<head><body><meta property="og:title" content="Late">', "Late"),
        ("<body><!-- <h1>Comment</h1> --><script>'<h1>Script</h1>'</script><h1>Real</h1>", "Real"),
        ("<p>nothing</p>", None),
        ("", None),
    ],
)
def test_title(page: str, title: str | None) -> None:
    assert of_page(page, None).title == title


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<title>A title | Some Site</title>", "A title | Some Site"),
        ('<meta property="og:site_name" content="Some  site"><title>A title | Some Site</title>', "A title"),
        ('<meta name="application-name" content="Some&#32;Site"><title>Some Site: a title</title>', "a title"),
        ('<meta property="og:site_name" content="Some Site"><title>Some Site</title>', "Some Site"),
        ('<meta property="og:site_name" content="A"><title>A - B - A</title>', "B"),
        ("<title>A title - Example</title>", "A title"),
        ("<title>example.org » A title</title>", "A title"),
        ("<title>A title &ndash; and more - Some Site</title><body><h1>A title – and more</h1>", "A title – and more"),
        ("<title>Chapter 1 · A title</title><body><h1>A <b>title</b></h1>", "Chapter 1 · A title"),
        ("<title>One · A longer title</title><body><h1>A longer title!</h1>", "A longer title"),
        ("<title>A title | Some Site</title><body><h1>Some Site</h1><h1>A title</h1>", "A title"),
        ("<title>A well-known title</title><body><h1>A well</h1>", "A well-known title"),
        ("<title> | | </title><body><h1>x</h1>", "| |"),
        ("<title>- Example</title>", "- Example"),
        ("<title>" + "a - " * 20 + "Example</title>", ("a - " * 20).removesuffix(" - ")),
        ("<title>" + "a - " * 21 + "Example</title>", "a - " * 21 + "Example"),
        ("<title>| Example</title><body><h1>A title</h1>", "| Example"),
        ("<title>Example |</title><body><h1><img></h1>", "Example |"),
        ("<title>| A title</title><body><h1><img></h1>", "| A title"),
        ('<meta property="og:site_name" content=""><title>|</title>', "|"),
        ("<title>A title : Example</title>", "A title"),
        ('<meta property="og:site_name" content="Foo - Bar"><title>A title - Foo - Bar</title>', "A title"),
        ('<meta property="og:site_name" content="Foo - Bar"><title>Foo - Bar - A title</title>', "A title"),
        ("<title>Some Site: A longer title</title><body><h1>Some Site</h1><h1>A longer title</h1>", "A longer title"),
        ("<title>A title | Section | Example</title><body><h1>A title</h1>", "A title"),
    ],
)
def test_the_name_of_the_site_is_no_part_of_the_title(page: str, title: str) -> None:
    assert of_page(page, URL).title == title


@pytest.mark.parametrize(
    ("page", "author"),
    [
        ('<meta name="author" content="By Ann Lee">', "Ann Lee"),
        ('<meta name=author content=" Ann  L&eacute;e ">', "Ann Lée"),
        ('<meta content="Ann Lee" name="dc.creator"><meta name="author" content="Bo Ek">', "Ann Lee"),
        ('<meta name="citation_author" content="Lee, Ann"><meta name="citation_author" content="Ek, Bo">', "Lee, Ann; Ek, Bo"),
        ('<meta name="author" content="Ann Lee"><meta name="author" content="ANN LEE">', "ANN LEE"),
        ('<meta property="article:author" content="https://social.example/ann"><meta name="byl" content="By Ann Lee">', "Ann Lee"),
        ('<meta name="author" content="admin"><body><a rel="author" href="/ann">Ann Lee</a>', "Ann Lee"),
        ('<meta name="twitter:creator" content="@ann">', None),
        (linked('{"@type":"Article","author":{"@type":"Person","name":"Ann Lee"}}'), "Ann Lee"),
        (linked('[{"@type":["NewsArticle"],"author":["Ann Lee",{"name":"Bo Ek"}]}]'), "Ann Lee; Bo Ek"),
        (linked('{"@graph":[{"@type":"Article","author":{"@id":"#p"}},{"@id":"#p","name":"Ann Lee"}]}'), "Ann Lee"),
        (linked('{"@type":"QAPage","mainEntity":{"@type":"Question","author":{"name":"Ann Lee"}}}'), "Ann Lee"),
        (linked('\n<![CDATA[\n{"@type":"Article","creator":"Ann &amp; Bo"}\n]]>'), "Ann & Bo"),
        (linked('{"@type":"WebPage","author":"Site"}') + linked('{"@type":"Recipe","author":"Ann Lee"}'), "Ann Lee"),
        (linked('{"@type":"Product","review":{"@type":"Review","author":"A buyer"}}'), None),
        (linked('{"@type":"Article","author":}') + '<meta name="author" content="Ann Lee">', "Ann Lee"),
        ("<body>" + linked('{"@type":"Article","author":"Ann Lee"}'), "Ann Lee"),
        ("<body><!--" + linked('{"@type":"Article","author":"Ann Lee"}') + "-->", None),
        ('<body><span itemprop="author" itemscope><meta itemprop="url"><b itemprop="name">Ann Lee</b></span>', "Ann Lee"),
        ('<body><a rel="author">Linked</a><span itemprop="author">Ann Lee</span>', "Ann Lee"),
        ('<body><meta itemprop="author" content="Ann Lee">', "Ann Lee"),
        ('<body><p class="byline">By <a>Ann Lee</a> and <a>Bo Ek</a> <b>Editors</b> <time>3 May</time></p>', "Ann Lee; Bo Ek"),
        ('<body><div class="post-author">Ann Lee | 3 min read</div>', "Ann Lee"),
        ('<body><div class="comment-author">A reader</div><input id="author">', None),
        ('<body><p class="byline">3 May 2024</p><p class="byline">Ann Lee</p>', "Ann Lee"),
        ("<body><script>'<a rel=author>Script</a>'</script><a rel=author>Ann Lee</a>", "Ann Lee"),
        ("<body><!-- <p class=author>Comment</p> --><p class=author>Ann Lee</p>", "Ann Lee"),
        ("<body>author <p title=x>the author is > unknown</p>", None),
        (f'<meta name="author" content="{"word " * 30}">', None),
    ],
)
def test_author(page: str, author: str | None) -> None:
    assert of_page(page, None).author == author


@pytest.mark.parametrize(
    ("page", "date"),
    [
        ('<meta property="article:published_time" content="2024-05-03T10:00:00+02:00">', "2024-05-03T10:00:00+02:00"),
        ('<meta content="2024-05-03 10:00" name="parsely-pub-date">', "2024-05-03T10:00"),
        ('<meta name="date" content="2024-02-30"><meta name="pubdate" content="20240503">', "2024-05-03"),
        ('<meta property="article:modified_time" content="2024-05-03">', None),
        (linked('{"@type":"Article","datePublished":"2024-05-03","dateModified":"2024-06-01"}'), "2024-05-03"),
        (linked('{"@type":"Article","dateCreated":"2024-05-03"}'), "2024-05-03"),
        ('<body><time pubdate datetime="2024-05-03">May</time><time datetime="2023-01-01">', "2024-05-03"),
        ('<body><time datetime="2023-01-01"></time><time class="entry-date" datetime="2024-05-03">', "2024-05-03"),
        ("<body><time>May 3, 2024</time>", "2024-05-03"),
        ('<body><time datetime="2024-05-03T09:00Z"></time><time datetime="2024-05-03"></time>', "2024-05-03T09:00Z"),
        ('<body><time datetime="2024-05-03"></time><time datetime="2024-05-04"></time>', None),
        ('<body><meta itemprop="datePublished" content="2024-05-03">', "2024-05-03"),
        ('<body><span itemprop="datePublished">3 May 2024</span>', "2024-05-03"),
        ('<body><time itemprop="dateCreated" datetime="2024-05-03"></time><time datetime="2024-06-03">', "2024-05-03"),
        ("<body><p class=date>May 3, 2024</p>", None),
        ("<body>Published May 3, 2024", None),
        ('<body><!-- <time datetime="2024-05-03"> --><script>"<time datetime=2024-05-03>"</script>', None),
    ],
)
def test_date(page: str, date: str | None) -> None:
    assert of_page(page, None).date == date


@pytest.mark.parametrize(
    ("page", "language"),
    [
        ('<html lang="de-AT">', "de"),
        ("<html xml:lang=EN_us>", "en"),
        ('<html lang=""><meta http-equiv="Content-Language" content="fr">', "fr"),
        ('<!--[if IE]><html lang="de"><![endif]--><!--[if !IE]><!--><html lang="nl"><!--<![endif]-->', "nl"),
        ('<html lang="english">', None),
        ('<body lang="de">', None),
    ],
)
def test_language(page: str, language: str | None) -> None:
    assert of_page(page, None).language == language


@pytest.mark.parametrize(
    ("page", "url", "canonical"),
    [
        ('<link rel="canonical" href="/c?x=1&amp;y=2">', URL, "https://example.org/c?x=1&y=2"),
        ("<LINK HREF=c REL='alternate Canonical'>", URL, "https://example.org/a/c"),
        ('<base href="https://other.example/d/"><link rel="canonical" href="c">', URL, "https://other.example/d/c"),
        ('<base href="javascript:0"><link rel="canonical" href="c">', URL, "https://example.org/a/c"),
        ('<link rel="canonical" href="c">', None, None),
        ('<link rel="canonical" href=""><meta property="og:url" content="//example.org/c">', URL, "https://example.org/c"),
        ('<link rel="canonical" href="mailto:ann@example.org">', URL, None),
        ('<link rel="canonical" href="https://ann:secret@example.org/c#part">', None, "https://example.org/c"),
        ('<link rel="canonical" href="http://[::1">', URL, None),
        ('<!-- <link rel="canonical" href="/c"> -->', URL, None),
        ('<link rel="icon" href="/canonical.png">', URL, None),
    ],
)
def test_canonical_url(page: str, url: str | None, canonical: str | None) -> None:
    assert of_page(page, url).canonical_url == canonical


BY, SA = "https://creativecommons.org/licenses/by/4.0/", "https://creativecommons.org/licenses/by-sa/3.0/de/"


@pytest.mark.parametrize(
    ("page", "license_url"),
    [
        (f'<link rel="license" href="{BY}"><body><a href="{SA}">', BY),
        ("<body><a href='/terms' rel='noopener license'>", "https://example.org/terms"),
        (f'<meta name="dcterms.license" content="{BY}">', BY),
        ('<meta name="dc.rights" content="All rights reserved">', None),
        (linked('{"@type":"Dataset","license":{"@id":"' + BY + '"}}'), BY),
        (linked('{"@type":"ImageObject","license":"' + BY + '"}'), None),
        (f'<body><a href="{SA}deed.en">', SA),
        (f'<body><a href="http://www.{BY[8:]}"><a href="{BY}legalcode">', BY),
        ('<body><a href="//creativecommons.org/publicdomain/zero/1.0">', "https://creativecommons.org/publicdomain/zero/1.0/"),
        (f'<body><a href="{BY}"><a href="{SA}">', None),
        (f'<body>{BY} <img src="{BY}"><!-- <a href="{BY}"> -->', None),
        ('<body><a href="https://creativecommons.org/licenses/">', None),
        ('<body><a rel="license" href="#terms">', None),
    ],
)
def test_license_url(page: str, license_url: str | None) -> None:
    assert of_page(page, URL).license_url == license_url


def test_meta_has_what_is_there() -> None:
    assert PageMetadata("Title", "Ann Lee", "2024-05-03", "en", "https://example.org/", BY).meta() == {
        "author": "Ann Lee",
        "published": "2024-05-03",
        "canonical_url": "https://example.org/",
        "license_url": BY,
    }
    assert PageMetadata("Title", language="en").meta() == {}


PIECES = [
    "<", ">", "</", "/>", "=", '"', "'", "&", "&#", "&#x", "&amp;", ";", " ", "\n", "\0", "\ud800", "İ", "<!--", "-->", "<meta ",
    "<link ", "<a ", "<time ", "<base ", "<html ", "<body>", "<title>", "</title>", "<h1>", "</h1>", "<script ", "</script>",
    " name=", " content=", " property=", " rel=", " href=", " datetime=", " class=", " itemprop=", " type=", "author", "byline",
    "license", "canonical", "og:title", "datePublished", "pubdate", "http://", "//[", "2024-05-03", "999999999999999",
    "application/ld+json", "creativecommons.org/licenses/by/4.0", '{"@type":"Article",', '"author":', "[", "]", "}", ",",
]  # fmt: skip
MARKUP = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=60).map("".join)


@given(MARKUP, st.none() | MARKUP)
@settings(max_examples=300, deadline=None)
def test_whatever_the_page_it_is_read_and_what_is_found_is_on_one_line_and_can_be_written(page: str, url: str | None) -> None:
    found = of_page(page, url)
    assert found == of_page(page, url)
    for value in found:
        assert value is None or (value == value.strip() and "\n" not in value and value.encode())
    for address in (found.canonical_url, found.license_url):
        assert address is None or re.match(r"https?://[^/@]+/", address)


HOSTILE = [
    "<",
    "<!--",
    "<!---->",
    "<meta ",
    '<meta name="author" content="x">',
    "<meta name=author content='\" ",
    "<link rel=canonical ",
    "<link rel=canonical href=x>",
    "<title>",
    "<script>",
    "<script></script>",
    linked('{"author":"x"}'),
    linked('{"@graph":[')[:-9],
    "author<",
    "<p class=author>",
    "<p class=byline><svg ",
    "<time>",
    "<time datetime=2024-05-03>",
    "<a rel=license ",
    "<h1>",
    "<body ",
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("begin", ["", "<title>t</title><body>", '<meta content="', linked('{"author":' + "[" * 100_000)])
def test_hostile_pages_take_time_in_proportion(piece: str, begin: str) -> None:
    started = time.process_time()
    of_page(begin + piece * (1_000_000 // len(piece)), URL)
    # A tenth of a second, really. What grew with the square of the length would take minutes.
    assert time.process_time() - started < 5


class Labelled(NamedTuple):
    """A page and what people say of it."""

    url: str | None
    html: bytes
    title: str | None
    author: str | None
    date: str | None
    language: str | None


def readability_pages(folder: Path) -> Iterator[Labelled]:
    with tarfile.open(folder / "test-pages.tar.xz") as archive:
        files = {member.name: file.read() for member in archive if (file := archive.extractfile(member)) is not None}
    for name, html in files.items():
        if name.endswith("source.html"):
            known = json.loads(files[name.replace("source.html", "expected-metadata.json")])
            yield Labelled(None, html, *(known.get(key) for key in ("title", "byline", "publishedTime", "lang")))


def wcxb_pages(folder: Path) -> Iterator[Labelled]:
    for file in sorted((folder / "ground-truth").glob("*.json")):
        page, html = json.loads(file.read_text()), gzip.decompress((folder / "html" / f"{file.stem}.html.gz").read_bytes())
        known = page["ground_truth"]
        yield Labelled(page["url"], html, known.get("title"), known.get("author"), known.get("publish_date"), None)


def scores(pages: Iterator[Labelled]) -> dict[str, tuple[int, int, int]]:
    """For each field on how many pages it is known, found there, and the same: authors as one within the other, dates by day."""
    counted = {field: [0, 0, 0] for field in ("title", "author", "date", "language")}
    for page in pages:
        ours = of_page(plain_form(decode(page.html, markup=True).text), page.url)
        for field, counts in counted.items():
            if known := getattr(page, field):
                found = " ".join((getattr(ours, field) or "").casefold().split())
                true = " ".join(known.casefold().split())
                same = {
                    "title": found == true,
                    "author": found in true or true in found,
                    "date": found[:10] == true[:10],
                    "language": found == true.partition("-")[0],
                }[field]
                counts[:] = counts[0] + 1, counts[1] + bool(found), counts[2] + (bool(found) and same)
    return {field: (counts[0], counts[1], counts[2]) for field, counts in counted.items()}


# Readability's titles are those that it gives itself: some keep the name of the site.
@pytest.mark.parametrize(
    ("read", "folder", "floors"),
    [
        (readability_pages, "readability-pages", {"title": 102, "author": 62, "date": 31, "language": 72}),
        (wcxb_pages, "wcxb", {"title": 213, "author": 95, "date": 95, "language": 0}),
    ],
)
def test_what_is_found_is_what_people_say_of_the_page(
    evaluation_data: Path, read: Callable[[Path], Iterator[Labelled]], folder: str, floors: dict[str, int]
) -> None:
    found = scores(read(evaluation_data / folder))
    assert {field: found[field] for field, floor in floors.items() if found[field][2] < floor} == {}
