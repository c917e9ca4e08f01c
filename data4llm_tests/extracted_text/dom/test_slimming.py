from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree, NodeType

from data4llm_assets.extracted_text.dom import slimming, tags
from data4llm_assets.extracted_text.dom.slimming import slim
from data4llm_assets.extracted_text.dom.tree import Tree, parse
from data4llm_assets.extracted_text.extraction import Refused

DATA = '<script type="application/ld+json">{"a": "<p>"}</script>'
RICH = (
    '<!DOCTYPE html><html lang=en><head><title>Cats &amp; <b>dogs</title><meta name="description" content="Of \'cats\'">'
    f"<style>p > a {{}}</style><script async>if (a<b) '</p>'</script>{DATA}<base href='/'></head>"
    "<body class=\"a b\"id='c'onload=\"x()\"><!-- c --><!--><!--d--!><svg viewBox='0 0'><title>i</title><path d=M0 /></svg>"
    "<p class = x>1 < 2 &lt;<b class=k>bold<i>both</b> it</i><svg/><br/><textarea rows=2><p></textarea><?php echo ?><![CDATA[x]]>"
    "<svg><path><div>out</div></svg><noscript><img src=x><p>Scripts</p></noscript></ p></3><iframe src=y><p>in</iframe>"
    "<x-card data-a='\">' hidden>é 世 \U0001f600</x-card><plaintext></body></html>"
)


def left(html: str) -> str:
    return slim(html).html.decode()


def unchanged(html: str) -> tuple[str, str]:
    return html, html


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        # Scripts and styles, and whatever else is not shown.
        ("<script>x<p>y</script>z", "z"),
        ("<SCRIPT src='a>b'>1</ScRiPt >z", "z"),
        ("<script>a</scripted></script\n>z", "z"),
        ("<script>a</script/>z<script>", "z"),
        ("a<style>b</style>c<iframe>d</iframe>e<noembed>f</noembed>g<noframes>h</noframes>i<xmp><p></xmp>j", "acegij"),
        ("a</style>b</xmp>c", "abc"),
        ("<plaintext>a<p>b", "a<p>b"),
        # Comments, as the standard ends them; declarations and instructions.
        ("a<!--b-->c", "ac"),
        ("a<!-->b<!--->c", "abc"),
        ("a<!--b--!>c<!----!>d", "acd"),
        ("a<!--!>b-->c<!---!>d-->e", "ace"),
        ("a<!--b", "a"),
        ("a<!b>c<?php d ?>e<![CDATA[f]]>g", "aceg"),
        unchanged("<!DOCTYPE html PUBLIC '-//W3C'><p>"),
        ("</>a</ p>b</3>c", "abc"),
        # Drawings, closed or not: HTML that is no part of one ends it.
        ("<svg a=b><path/><text>t</text></svg>z", "z"),
        ("<svg/>a<svg ><svg/>b<svg></svg>c</svg>d", "ad"),
        ("<svg><title>a<p></title><style><p></style><script><p></script></svg>z", "z"),
        ("<svg><path><p>a", "<p>a"),
        ("<div><svg><path></div>a</svg>b", "<div></div>ab"),
        ("<svg><foreignObject><div>a</div></foreignObject></svg>z", "<div>a</div></foreignObject>z"),
        # Characters alone.
        unchanged("<title>a<b>&lt;</titles></title>"),
        unchanged("<textarea class=x><p>a</textarea>z"),
        unchanged("<title>a<!--"),
        # Linked data.
        ("<script async type='application/ld+json' nonce=1>{<p>}</script>z", "<script type='application/ld+json'>{<p>}</script>z"),
        unchanged("<script type=application/ld+json>{<!--"),
        ("<script data-type='ld+json'>{}</script>z", "z"),
        # Attributes, quoted and not, with spaces and without.
        unchanged('<p class="a" id=b role=c itemprop=d hidden aria-hidden=true style="e" type=i start=2 reversed value=j>'),
        unchanged("<meta name=f property=g content='h'>"),
        ("<p onclick='b()' CLASS=a data-x><a href=x title=y>", "<p CLASS=a><a>"),
        ('<p class=\'a>b\'onclick=">"id="c"/>d', "<p class='a>b' id=\"c\">d"),
        unchanged("<p class = a>"),
        ("<p\n\tclass\r=\f'a'>", "<p class\r=\f'a'>"),
        ("<p class=a/>b<br/>", "<p class=a/>b<br>"),
        ("<p =a class=b>", "<p class=b>"),
        ('<p id=""id="">', '<p id="" id="">'),
        ("</p class=a>b", "</p>b"),
        ("<p class='" + "a" * 5_000 + "' id=b>", "<p id=b>"),
        ("<b class='" + "a" * 64 + "' id=b>", "<b id=b>"),
        # From the fourth of a name on a parser must not have to keep them apart.
        (
            "<b id=a><i id=a><b id=b><b id=c><b id=d></b><b id=e></b></b><b id=f>",
            "<b id=a><i id=a><b id=b><b id=c><b></b><b></b></b><b id=f>",
        ),
        # Brackets that open nothing, and would, were there nothing between.
        unchanged("1 < 2 << 3 <4>"),
        ("<<!-- -->b>a", "< b>a"),
        ("<<svg></svg>b>a<</>/p>", "< b>a< /p>"),
        # The end of the page, anywhere.
        unchanged("<"),
        ("</", ""),
        ("<!", ""),
        ("<!-", ""),
        ("<p", "<p>"),
        ("</p", "</p>"),
        ("<p class", "<p class>"),
        ("<p class=", "<p class=>"),
        ("<p class='a", "<p class='a>"),
        ("<svg", ""),
        ("<script", ""),
        ("a<script></scrip", "a"),
        ("", ""),
    ],
)
def test_what_is_left_of_a_page(html: str, expected: str) -> None:
    assert left(html) == expected


def seen(node: Any) -> str:
    """Text under a node, but for what nobody looks at."""
    if node.type == NodeType.TEXT:
        return node.value or ""
    if node.type == NodeType.ELEMENT and node.tag in ("script", "style", "svg", "iframe"):
        return ""
    found, child = [], node.first_child
    while child is not None:
        found.append(seen(child))
        child = child.next
    return "".join(found)


def text_of(html: str) -> str:
    tree = HTMLTree.parse(html)
    return seen(tree.document)


_WORDS = st.sampled_from(["word", " ", "&amp;", "&lt;p&gt;", "é", "世", "a > b", "1 < 2", "\n", "&nbsp;", "'", '"'])
_UNSEEN = st.sampled_from([
    "<!-- <p>no</p> -->", "<!---->", "<!--a--!>", "<script>if (a<b) x('<p>no</p>')</script>", "<style>p > a {}</style>", DATA,
    "<svg viewBox='0 0 1 1'><title>no</title><path d='M0'/><svg><g></g></svg><text>no</text></svg>", "<svg/>", "<?x <b ?>",
    "<iframe src='a'><p>no</iframe>",
])  # fmt: skip
_ATTRIBUTE = st.sampled_from(
    ["", " class=a", ' class="b c"', " onclick='d>e'", ' id="f"', " hidden", " data-x='\"'", ' style="display: none"', "\nid = g"]
)
_INLINE = st.sampled_from(["b", "i", "em", "span", "code", "a", "x-y", "sub"])
_BLOCK = st.sampled_from(["div", "section", "article", "blockquote", "h2", "ul|li", "table|tbody|tr|td", "dl|dd", "pre"])


def _element(names: st.SearchStrategy[str], inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def written(drawn: tuple[str, str, str]) -> str:
        name, attribute, content = drawn
        for each in reversed(name.split("|")):
            content = f"<{each}{attribute}>{content}</{each}>"
        return content

    return st.tuples(names, _ATTRIBUTE, inside).map(written)


def _mixed(one: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(one, max_size=4).map("".join)


_LINE = st.recursive(_WORDS | _UNSEEN | st.just("<br>"), lambda inner: _element(_INLINE, _mixed(inner)), max_leaves=6)
_PARAGRAPH = _element(st.just("p"), _mixed(_LINE))
_PAGES = _mixed(st.recursive(_LINE | _PARAGRAPH, lambda inner: _element(_BLOCK, _mixed(inner)), max_leaves=12))


@settings(max_examples=80, deadline=None)
@given(_PAGES)
def test_the_text_of_a_page_is_left(page: str) -> None:
    html = f"<!DOCTYPE html><html><head><title>T</title></head><body>{page}</body></html>"
    assert text_of(left(html)) == text_of(html)
    # What is left once is left again.
    assert left(left(html)) == left(html)


def test_every_prefix_of_a_page_is_taken() -> None:
    for stop in range(len(RICH)):
        found = parse(RICH[:stop])
        assert isinstance(found, Tree)
        assert len(slim(RICH[:stop]).html) <= 1.25 * len(RICH[:stop].encode()) + 16


def in_python(html: str) -> tuple[bytes, tuple[int, ...]]:
    """As `slim`, but by the loops as they are written: an index out of range is an error."""
    data = np.frombuffer(html.encode(), np.uint8)
    with np.errstate(over="ignore"):
        out, *counts = slimming.slimmed.py_func(
            data, *tags.TAGS, slimming.ACTION, slimming.BREAKS_OUT, slimming.STAYS_OPEN, *slimming.KEPT, slimming.SCRIPT_DATA
        )
    return out.tobytes(), tuple(map(int, counts))


@pytest.mark.parametrize("html", [RICH, '<p id="" ' + 'id=""' * 200, "<" * 100, "<<!>" * 40, "<p id/id/id/id/id/id/id/id/id/id"])
def test_nothing_is_written_beyond_what_there_is_room_for(html: str) -> None:
    for stop in range(0, len(html) + 1, 7):
        left, *counts = slim(html[:stop])
        assert in_python(html[:stop]) == (left, tuple(counts))


def test_open_elements_are_counted_as_a_parser_would() -> None:
    found = slim("<div><b>x</b><i><b><p><p><br><li></div><script></script><u>")
    # b; i and b, which their div's end does not close; u.
    assert (found.formatting, found.elements) == (3, 10)
    # Before each tag: div 0, b 1, /b 2, i 1, b 2, then 3 at each of p, p, br, li and /div, 2 at script and u.
    assert found.steps == 0 + 1 + 2 + 1 + 2 + 5 * 3 + 2 + 2
    assert slim("<script>1</script><svg><g></svg><title>a</title>" * 9).steps == 0


def test_formatting_that_is_never_closed_is_refused_where_it_multiplies() -> None:
    page = "<b><i><u>" + "<p>x" * 14
    assert isinstance(parse(page, max_elements=100), Tree)
    assert parse(page + "<p>x" * 20, max_elements=10) == Refused(
        "extracted_text.max_elements", "too many formatting elements are never closed", None, 10
    )


@pytest.mark.parametrize("unit", ["<div>|</li>", "<span>|</x>", "<div>|<table>", "<b>|</h1>", "<section>|</i>"])
def test_elements_that_are_never_closed_do_not_cost_their_square(unit: str) -> None:
    opening, other = unit.split("|")
    begun = time.process_time()
    found = parse(opening * 60_000 + other * 60_000)
    assert isinstance(found, Refused)
    assert found.rule == "extracted_text.max_depth"
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("unit", ["<p>x", "<li>x", "<tr><td>x", "<dt>x<dd>y", "<a name=x>x", "<br>x", "<option>x", "<div>x</div>"])
def test_elements_that_others_close_are_no_reason_to_refuse(unit: str) -> None:
    assert isinstance(parse(f"<table>{unit * 50_000}" if "<tr>" in unit else unit * 50_000), Tree)
