from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.deduped.surt import TRACKING, Folding, canonical
from data4llm_assets.deduped.url import Url
from data4llm_assets.method import MEASURE

ID = "0123456789abcdefghijklmnopqrstuv"


def surt(url: str, **folding: object) -> str:
    return str(canonical(pl.Series([url]), Folding(**folding))[0])  # type: ignore[arg-type]


def spelt(surt: str) -> str:
    """A URL whose SURT this is."""
    host, _, path = surt.partition(")")
    name, colon, port = (
        host.partition(":") if not host.startswith("[") else (host[: host.index("]") + 1], "", host.partition("]")[2])
    )
    return "http://" + (name if name.startswith("[") else ".".join(reversed(name.split(",")))) + colon + port + path


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://example.com", "com,example)/"),
        ("HTTPS://Example.COM/", "com,example)/"),
        ("https://www.example.com./", "com,example)/"),
        ("http://www23.example.com/", "com,example)/"),
        ("http://www.com/", "com,www)/"),
        ("http://wwwx.example.com/", "com,example,wwwx)/"),
        ("http://example.com:80/a", "com,example)/a"),
        ("https://example.com:443/a", "com,example)/a"),
        ("https://example.com:/a", "com,example)/a"),
        ("https://example.com:8443/a", "com,example:8443)/a"),
        ("http://me:secret@example.com/a", "com,example)/a"),
        ("http://me@home@example.com/a", "com,example)/a"),
        ("http://example.com/a/./b/../c", "com,example)/a/c"),
        ("http://example.com/../../a/.", "com,example)/a"),
        ("http://example.com/a/%2E%2e/b", "com,example)/b"),
        ("http://example.com//a///b//", "com,example)/a/b"),
        ("http://example.com/A", "com,example)/A"),
        ("http://example.com/%7Eme/%c3%a9", "com,example)/~me/%C3%A9"),
        ("http://example.com/é", "com,example)/%C3%A9"),
        ("http://example.com/a b", "com,example)/a%20b"),
        ("http://example.com/Foo_%28bar%29", "com,example)/Foo_(bar)"),
        ("http://example.com/a%2Fb", "com,example)/a%2Fb"),
        ("http://example.com/100%", "com,example)/100%25"),
        ("http://example.com/%zz%%341", "com,example)/%25zz%2541"),
        ("http://example.com/a?", "com,example)/a"),
        ("http://example.com?b=2&a=1&&a=0", "com,example)/?a=0&a=1&b=2"),
        ("http://example.com/?a=%26&b=x%3Dy", "com,example)/?a=%26&b=x%3Dy"),
        ("http://example.com/?a%5B%5D=1", "com,example)/?a[]=1"),
        ("http://example.com/?url=http://x//y", "com,example)/?url=http://x//y"),
        ("http://example.com/?q=a?b", "com,example)/?q=a?b"),
        ("http://example.com/?utm_source=x&id=7&FBCLID=y&utm%5Fmedium", "com,example)/?id=7"),
        ("http://example.com/?gclid=x", "com,example)/"),
        ("http://example.com/?gclids=x", "com,example)/?gclids=x"),
        ("http://example.com/a#part?x", "com,example)/a"),
        ("http://example.com/#!/inbox", "com,example)/#!/inbox"),
        ("http://example.com/#!", "com,example)/"),
        ("http://example.com/a;jsessionid=1F;x=2?b", "com,example)/a;x=2?b"),
        (f"http://example.com/?PHPSESSID=1&sid={ID}&x=y", "com,example)/?x=y"),
        (f"http://example.com/?sid={ID}0", f"com,example)/?sid={ID}0"),
        ("http://example.com/?ASPSESSIONIDABCDEFGH=ABCDEFGHIJKLMNOPQRSTUVWX&cfid=1&cftoken=2", "com,example)/"),
        (f"http://example.com/(S({ID[:24]}))/a.aspx", "com,example)/a.aspx"),
        (f"http://example.com/(a({ID[:24]})S({ID[:24]}))/({ID[:24]})/a.aspx?b", "com,example)/a.aspx?b"),
        (f"http://example.com/({ID[:24]})/a.html", f"com,example)/({ID[:24]})/a.html"),
        ("http://Bücher.example/", "example,xn--bcher-kva)/"),
        ("http://xn--BCHER-kva.example/", "example,xn--bcher-kva)/"),
        ("http://b%C3%BCcher。example/", "example,xn--bcher-kva)/"),
        ("http://straße.de/", "de,xn--strae-oqa)/"),
        ("http://ｗｗｗ.例え.jp/", "jp,xn--r8jz45g)/"),
        ("http://a_b.example.com/", "com,example,a_b)/"),
        ("http://b,a.com/", "com,b%2ca)/"),
        ("http://192.168.0.1:8080/a", "192.168.0.1:8080)/a"),
        ("http://[2001:DB8:0:0::1]/a", "[2001:db8::1])/a"),
        ("http://[::1]:8080", "[::1]:8080)/"),
        (" \thttp://exam\nple.com/a\r\n", "com,example)/a"),
    ],
)
def test_canonical_urls(url: str, expected: str) -> None:
    assert surt(url) == expected


NO_URL = [
    "", " ", "a b", "/srv/data/page.html", "C:\\page.html", "file:///srv/a/../b#c", "ftp://Example.com/A", "mailto:me@example.com",
    "urn:isbn:0451450523", "example.com/a", "//example.com/a", "http:/example.com", "http://", "http:///a", "http://?a", "http://.",
    "http://[zz]/", "http://[::1/", "http://example.com:port/", "com,example)/a?b", "\x00",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_URL)
def test_what_is_no_web_address_stays_as_it_is(text: str) -> None:
    assert surt(text) == text


def test_what_is_folded_can_be_chosen() -> None:
    assert surt("http://www.example.com/", www=False) == "com,example,www)/"
    assert surt("http://example.com/a;jsessionid=1?sid=" + ID, session_ids=False) == f"com,example)/a;jsessionid=1?sid={ID}"
    assert surt("http://example.com/?ref=1&utm_x=2&from=3", tracking=("ref", "fr*")) == "com,example)/?utm_x=2"
    assert surt("http://example.com/?a=1&b=2", tracking=()) == "com,example)/?a=1&b=2"
    assert surt("http://example.com/A%C3%A9?B=%2f", case=True) == "com,example)/a%C3%A9?b=%2F"


HOSTS = [
    "example.com", "www.EXAMPLE.com", "www.www2.a.b", "user@h", "1.2.3.4", "[::1]", "[v6]", "bücher.de", "x。y", "a..b.", "",
    "%41.b",
    "%00", "%2e.com", "xn--a.com", "ß.ﬁ", "%C3%9C.de", "www.c",
]  # fmt: skip
PIECES = [
    "/", "//", "/.", "/..", ".", "a", "B", "é", "雨", "\u0301", "%", "%41", "%2e", "%2F", "%c3", "%zz", "%25", " ", "\t", "\n",
    "\x00", "?", "&", "=", "#", "#!", "utm_", "utm_source=1", "sid=", ID, ID[:24], "(", ")", "(S(", "))", ".aspx", ";jsessionid=",
    "a=1", ",", ":", "@", "\\", "[", "]", "+", "\x7f", "<", "'", "|",
]  # fmt: skip
ADDRESSES = st.builds(
    lambda scheme, host, port, rest: scheme + host + port + "".join(rest),
    st.sampled_from(["http://", "HTTPS://", " http://", "https:", "ftp://", ""]),
    st.sampled_from(HOSTS) | st.text(max_size=8),
    st.sampled_from(["", ":", ":80", ":0443", ":8080", ":x"]),
    st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12),
)
FOLDINGS = [Folding(), Folding(case=True), Folding((), False, False)]


@given(st.lists(ADDRESSES | st.text(max_size=20), max_size=30), st.sampled_from(FOLDINGS))
@settings(max_examples=300, deadline=None)
def test_canonical_of_canonical_is_the_same(urls: list[str], folding: Folding) -> None:
    once = canonical(pl.Series(urls, dtype=pl.String), folding)
    assert canonical(once, folding).equals(once)
    found = [form for form, url in zip(once, urls, strict=True) if form != url]
    again = canonical(pl.Series([spelt(form) for form in found], dtype=pl.String), folding)
    assert again.to_list() == found


@given(st.lists(ADDRESSES, max_size=20), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_a_url_is_canonical_by_itself(urls: list[str], draw: random.Random) -> None:
    forms = dict(zip(urls, canonical(pl.Series(urls, dtype=pl.String)), strict=True))
    draw.shuffle(urls)
    assert canonical(pl.Series(urls + urls, dtype=pl.String)).to_list() == [forms[url] for url in urls + urls]


@given(st.permutations(["a=1", "b=2", "c", "a=0", "utm_source=x"]))
def test_parameters_may_come_in_any_order(parameters: list[str]) -> None:
    assert surt("http://example.com/?" + "&".join(parameters)) == "com,example)/?a=0&a=1&b=2&c"


def test_signatures_of_urls() -> None:
    urls = ["http://a.com/", "https://www.a.com", None, "", "none", "file:///a", "http://b.com"]
    signed = Url().signatures(pl.DataFrame({"url": urls}))
    assert signed.schema == Url.signature
    assert signed["size"].to_list() == [1, 1, 0, 0, 0, 1, 1]
    known = signed.select("low", "high").rows()
    assert known[0] == known[1] == (8475228532329299128, 3575217015798560788)
    assert known[2:5] == [(0, 0)] * 3
    assert len(set(known)) == 4


def test_signatures_of_nothing_have_the_schema() -> None:
    nothing = Url().signatures(pl.DataFrame(schema={"url": pl.String}))
    assert (nothing.schema, len(nothing)) == (Url.signature, 0)
    assert Url().signatures(pl.DataFrame({"url": [None]}, schema={"url": pl.String})).rows() == [(0, 0, 0)]


def test_which_version_stays_is_decided_and_not_measured() -> None:
    assert set(Url().parameters("decide")) == {"keep"}
    assert set(Url().parameters(MEASURE)) == {"tracking", "session_ids", "www", "fold_case"}
    assert Url().parameters()["tracking"] == list(TRACKING)
    with pytest.raises(ValueError, match="tracking"):
        Url(tracking=("utm_*_x",))
