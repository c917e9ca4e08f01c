from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.extracted_text.dom import scan, tags
from data4llm_assets.extracted_text.dom import tree as dom
from data4llm_assets.extracted_text.dom.lexicon import CLASS_NAMES, CLASS_WORDS
from data4llm_assets.extracted_text.dom.scan import HIDDEN, IMAGE, MEDIA, TOO_DEEP, TOO_MANY
from data4llm_assets.extracted_text.dom.tree import Tree, parse
from data4llm_assets.extracted_text.extraction import Refused

LONG = "A post of the forum, which is there for all who have scripts off. " * 4


def tree_of(html: str) -> Tree:
    tree = parse(html)
    assert isinstance(tree, Tree)
    return tree


def blocks_of(html: str) -> list[tuple[str, str]]:
    """Of each block, the name of its element and its text; a line break is a line feed."""
    tree = tree_of(html)
    data, runs, blocks = tree.data.tobytes(), tree.runs, tree.blocks
    return [
        (
            tags.NAMES[tree.elements.tag[element]],
            "".join(data[runs.begin[run] : runs.end[run]].decode() or "\n" for run in range(first, end)),
        )
        for first, end, element in zip(blocks.first, blocks.end, blocks.element, strict=True)
    ]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a</p><p>b</p> ", [("p", "a"), ("p", "b")]),
        ("a<p> b </p>c", [("body", "a"), ("p", " b "), ("body", "c")]),
        ("<div><div>a</div>b</div>", [("div", "a"), ("div", "b")]),
        # Line breaks.
        ("a<br>b<br/> c", [("body", "a\nb\n c")]),
        ("<br>a<br>", [("body", "a\n")]),
        ("a<br><br>b", [("body", "a"), ("body", "b")]),
        ("<p>a<br> \n<br>b<br> <i> </i><br>c", [("p", "a"), ("p", "b"), ("p", "c")]),
        ("a<hr>b", [("body", "a"), ("body", "b")]),
        ("a<wbr>b<img>c", [("body", "abc")]),
        # Lists, tables.
        ("<ul><li>a<li>b<ul><li>c</ul>d</ul>e", [("li", "a"), ("li", "b"), ("li", "c"), ("li", "d"), ("body", "e")]),
        ("<dl><dt>a<dd>b</dl>", [("dt", "a"), ("dd", "b")]),
        (
            "<table><tr><td>a<table><caption>b</caption><tr><th>c</th></tr></table>d<td>e</table>f",
            [("td", "a"), ("caption", "b"), ("th", "c"), ("td", "d"), ("td", "e"), ("body", "f")],
        ),
        # What flows is no border, what does not is one, also within what flows.
        ("<p>a<b>b</b><span> c</span> <a href=x>d<u>e</u></a></p>", [("p", "ab c de")]),
        ("<span>a<div>b</div>c</span>", [("body", "a"), ("div", "b"), ("body", "c")]),
        ("a<blink>b</blink>c", [("body", "abc")]),
        ("a<x-card>b<other-one>c</other-one></x-card>d", [("body", "a"), ("other", "b"), ("other", "c"), ("body", "d")]),
        ("a<div></div>b<section> </section>c", [("body", "a"), ("body", "b"), ("body", "c")]),
        # What nobody sees.
        (
            "<p>a<select><optgroup><option>b</select>c<textarea>d</textarea>e<object>f<p>g</p></object>h<canvas>i</canvas></p>",
            [("p", "aceh")],
        ),
        ("<title>a</title><template><p>b</template><datalist><option>c</datalist>d", [("body", "d")]),
        ('<script type="application/ld+json">{"<p>": "</p>"}</script><p>a', [("p", "a")]),
        ("<video>a<p>b</p></video>c", [("video", "a"), ("p", "b"), ("body", "c")]),
        # Noscript.
        (f"<p>a</p><noscript><p>{LONG}</p>b</noscript>c", [("p", "a"), ("p", LONG), ("x-noscript", "b"), ("body", "c")]),
        (f"a<NOSCRIPT class=x>{LONG}</NoScript >b", [("body", "a"), ("x-noscript", LONG), ("body", "b")]),
        ("a<noscript><img src=x><p>Please turn on scripts.</noscript>b", [("body", "ab")]),
        (f"a<noscript><i {'id=x ' * 99}>b</i></noscript>c", [("body", "ac")]),
        # Entities and brackets stand as an HTML parser writes them.
        ("<p>a &amp; b &lt;c> <p title='<p>'>d&nbsp;<!-- e -->f", [("p", "a &amp; b &lt;c&gt; "), ("p", "d&nbsp;f")]),
        (" \n", []),
        ("", []),
    ],
)
def test_the_blocks_of_a_page(html: str, expected: list[tuple[str, str]]) -> None:
    assert blocks_of(html) == expected


def test_there_is_room_for_a_line_break_and_a_text_of_each_tag() -> None:
    (found,) = blocks_of("x<br>" * 3_000)
    assert found == ("body", "x\n" * 3_000)
    assert blocks_of("a" + "<br>" * 3_000 + "b") == [("body", "a"), ("body", "b")]


def names(tree: Tree) -> list[str]:
    return [tags.NAMES[number] for number in tree.elements.tag]


def test_the_elements_of_a_page() -> None:
    tree = tree_of('<div class="postBody sideBar"><img><p hidden id=nav>a<i role="NOTE">b</i></p></div><video></video>')
    elements = tree.elements
    assert names(tree) == ["html", "head", "body", "div", "img", "p", "i", "video"]
    assert elements.parent.tolist() == [-1, 0, 0, 2, 3, 3, 5, 2]
    assert elements.depth.tolist() == [0, 1, 1, 2, 3, 3, 4, 2]
    block, flows, unseen = tags.BLOCK, tags.FLOWS, tags.UNSEEN
    assert elements.kind.tolist() == [block, unseen, block, block, flows, block, flows, block]
    assert elements.flags.tolist() == [0, 0, 0, 0, IMAGE, HIDDEN, HIDDEN, MEDIA]
    assert [tree.data[begin:].tobytes()[:2].decode() for begin in elements.begin] == [f"<{name[0]}" for name in names(tree)]

    def groups(bits: int) -> set[str]:
        return {name for number, name in enumerate(CLASS_NAMES) if int(bits) >> number & 1}

    assert [groups(own) for own in elements.own[3:7]] == [{"post", "text", "side"}, set(), {"nav"}, set()]
    assert groups(elements.groups[6]) == {"post", "text", "side", "nav"}
    assert int(elements.around[6]) == int(tags.around("p", "i"))
    assert int(elements.around[4]) == 0


@pytest.mark.parametrize(
    ("attribute", "hidden"),
    [
        ("hidden", True),
        ("hidden=''", True),
        ("aria-hidden=true", True),
        ("aria-hidden=false", False),
        ("style='color: red; display:none'", True),
        ("style='display:   none !important'", True),
        ("style='display: block'", False),
        ("style='display:'", False),
        ("data-hidden", False),
        ("class=hidden", False),
    ],
)
def test_what_is_hidden(attribute: str, hidden: bool) -> None:
    assert tree_of(f"<p {attribute}>a").elements.flags[-1] == (HIDDEN if hidden else 0)


def test_elements_are_alike_if_their_names_and_classes_and_those_of_two_around_them_are() -> None:
    page = (
        "<ul class=a><li class=x>1<li class=x id=b>2<li class=y>3</ul><ul class=b><li class=x>4</ul><ol class=a><li class=x>5</ol>"
        "<div><ul class=a><li class=x>6</ul></div><div id=c><ul class=a><li class=x>7</ul></div>"
        "<section class=z><div><ul class=a><li class=x>8</ul></div></section>"
    )
    tree = tree_of(page)
    alike = dict(zip("12345678", tree.elements.signature[tree.blocks.element].tolist(), strict=True))
    assert alike["1"] == alike["2"]
    assert alike["6"] == alike["7"] == alike["8"]
    assert len(set(alike.values())) == 5


def test_limits_are_elements_and_levels() -> None:
    page = "<div><p>a</p></div>" * 5
    assert isinstance(parse(page, max_elements=13, max_depth=4), Tree)
    assert parse(page, max_elements=12) == Refused("extracted_text.max_elements", "the page has too many elements", None, 12)
    assert parse(page, max_depth=3) == Refused("extracted_text.max_depth", "the page's elements are nested too deeply", None, 3)


def scanned(data: bytes, function: Any, max_elements: int = 1_000, max_depth: int = 50) -> Any:
    return function(
        np.frombuffer(data, np.uint8), *tags.TAGS, tags.KIND, tags.IS_VOID, tags.IS_RAW, tags.AROUND_OF, *CLASS_WORDS,
        dom._WORDS, dom._MARKS, max_elements, max_depth,
    )  # fmt: skip


_PIECES = [
    b"<p>", b"</p>", b"<br>", b"<i>", b"</i>", b"<div class=\"postBody\" hidden>", b"</div>", b"a", b" ", b"<x-y>", b"</x-y>",
    b"<select>", b"</select>", b"<!-- a -->", b"<!x>", b"<script>", b"</script>", b"<", b">", b"</", b'"', b' class="', b"<img/>",
    b"&amp;", b"<html>", b"<style", b"style=\"display:none\"", b"=", b"/",
]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=40).map(b"".join), st.integers(1, 30), st.integers(1, 9))
def test_bytes_that_are_no_canonical_html_are_taken_too(data: bytes, most: int, depth: int) -> None:
    """The loops as they are written know where an array ends, the compiled ones do not: both come to the same."""
    with np.errstate(over="ignore"):
        slow = scanned(data, scan.scan.py_func, most, depth)
    fast = scanned(data, scan.scan, most, depth)
    for one, other in zip((slow[0], *slow[1], *slow[2], *slow[3]), (fast[0], *fast[1], *fast[2], *fast[3]), strict=True):
        assert one.tolist() == other.tolist()
    elements = fast[0][0]
    assert elements in (TOO_MANY, TOO_DEEP) or 0 <= elements <= most


def test_tables_hold_as_many_names_as_they_have_bits_for() -> None:
    assert len(tags.AROUND_NAMES) == len(set(tags.AROUND_NAMES)) <= 64
    assert len(tags.NAMES) == len(set(tags.NAMES)) <= 256
    assert len(CLASS_NAMES) <= 64
