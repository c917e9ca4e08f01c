from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from html import escape, unescape
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from data4llm_assets.extracted_text.charset import decode
from data4llm_assets.extracted_text.dom.tree import Tree, parse
from data4llm_assets.extracted_text.rendering import rendered, write_text

LISTS = "<p>Before<ul><li>one<ul><li>a<li>b</ul>after<li>two</ul><ol start=3><li>c<li value=9>d<p>second</ol>"
LISTS_WRITTEN = "Before\n\n- one\n  - a\n  - b\n\n  after\n\n- two\n\n3. c\n9. d\n\n   second"
CODE = "<pre>def f():\n    return 1\n\n\n\n  # end  \n</pre>"
CODE_WRITTEN = "def f():\n    return 1\n\n  # end"


def both(html: str) -> tuple[str, str]:
    return rendered(html, markdown=False), rendered(html, markdown=True)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("<p>&nbsp;</p><p>\u200b</p> <img src=a>", ""),
        ("no tags", "no tags"),
        ("<p> a\n\t b&nbsp; &nbsp;c\u00a0d </p>\n\n<p>e<br> f <br>\n g<br></p>", "a b c d\n\ne\nf\ng"),
        ("<p>a<br><br>b<div>c</div>d", "a\n\nb\n\nc\n\nd"),
        ('<p>a &amp; "b" &copy; 日本', 'a & "b" © 日本'),
        ("<p>a <a href='https://example.org'>link</a>, H<sub>2</sub>O, note<sup>1</sup>", "a link, H2O, note1"),
        ("<p>שלום <b></b>עולם", "שלום עולם"),
        (LISTS, LISTS_WRITTEN),
        ("<ul><li><p>a<p>b<li>c</ul><ul><li>d</ul>", "- a\n\n  b\n\n- c\n\n- d"),
        ("<ul><li><ul><li>a<li>b</ul><li>c</ul>", "- a\n- b\n\n- c"),
        ("<ol><li>a<ol start=4><li>b</ol><li>c</ol>", None),
        ("<ol start=12345678901><li>a</ol><ol start=-1><li>b</ol><ol start=x><li>c</ol>", "999999999. a\n\n1. b\n\n1. c"),
        ("<li>a<li>b", "- a\n- b"),
        ("<table><caption>C</caption><tr><td>a<p>b", "C\n\na\n\nb"),
        ("<table><tr><td><h2>a</h2><td><ul><li>b</ul>", None),
    ],
)
def test_what_both_forms_write_alike(html: str, text: str | None) -> None:
    plain, markdown = both(html)
    if text is not None:
        assert (plain, markdown) == (text, text)
    assert words(read_back(markdown)) == words(plain)


@pytest.mark.parametrize(
    ("html", "plain", "markdown"),
    [
        ("<h1>a</h1><h3>b<br>c</h3>d", "a\n\nb\nc\n\nd", "# a\n\n### b c\n\nd"),
        ("<h2><b>a</b> <i>b</i> # #c</h2>", "a b # #c", "## a *b* \\# #c"),
        ("<blockquote>a<blockquote><p>b<p>c</blockquote><ul><li>d</ul></blockquote>e", "a\n\nb\n\nc\n\n- d\n\ne",
         "> a\n>\n> > b\n> >\n> > c\n>\n> - d\n\ne"),
        ("<ul><li><blockquote>a</blockquote></ul>", "- a", "- > a"),
        ("<ol><li>a<ol start=4><li>b</ol><li>c</ol>", "1. a\n   4. b\n2. c", "1. a\n\n   4. b\n\n2. c"),
        ("<dl><dt>T<dd>a<p>b<dt>U<dt>V<dd>c<dd>d</dl>e",
         "T\n  a\n\n  b\n\nU\nV\n  c\n  d\n\ne", "T\n: a\n\nb\n\nU\nV\n: c\n: d\n\ne"),
        ("<dl><dt>T<dd><pre>a</pre></dl>", "T\n  a", "T\n\n```\na\n```"),
        ("<table><tr><th>a|b<th>c<tr><td>1<br>2<td><p>3</p><p>4</p><tr><td>5</table>x",
         "a|b | c\n1 2 | 3 4\n5\n\nx",
         "| a\\|b | c |\n| --- | --- |\n| 1 2 | 3 4 |\n| 5 |\n\nx"),
        ("<table><tr><td>a<tr><td>b<td>&nbsp;<td>c<tr><td><td><code>x|y</code></table>", "a\nb | c\nx|y",
         "| a |  |  |\n| --- | --- | --- |\n| b |  | c |\n|  | `x\\|y` |"),
        ("<table><tr><td>a<td><table><tr><td>b<td>c</table></table>", "a\n\nb | c", "a\n\n| b | c |\n| --- | --- |"),
        ("<ul><li><table><tr><td>a<td>b<tr><td>c<td>d</table></ul>",
         "- a | b\n  c | d",
         "- | a | b |\n  | --- | --- |\n  | c | d |"),
        ("<table><tr><td>a<td><pre>b</pre></table>", "a\n\nb", "a\n\n```\nb\n```"),
    ],
)  # fmt: skip
def test_what_the_forms_write_in_their_own_ways(html: str, plain: str, markdown: str) -> None:
    assert both(html) == (plain, markdown)


@pytest.mark.parametrize(
    ("html", "plain", "markdown"),
    [
        (CODE, CODE_WRITTEN, f"```\n{CODE_WRITTEN}\n```"),
        ("<ul><li><pre>a\n\n b</pre>c</ul>", "- a\n\n   b\n\n  c", "- ```\n  a\n\n   b\n  ```\n\n  c"),
        ("<pre>a<br>  b<br><br>c</pre>", "a\n  b\n\nc", "```\na\n  b\n\nc\n```"),
        ("<pre><div><i>  </i><b>a</b></div>\n<div>\tb &lt; </div><span>c</span></pre>", "  a\n\tb <\nc", "```\n  a\n\tb <\nc\n```"),
        ("<pre><table><tr><td>1<td> a<tr><td>2<td>  b</table></pre>", "1  a\n2   b", "```\n1  a\n2   b\n```"),
        ("<pre><table><tr><td>1<br>2<td>a<br>b</table></pre>", "1\n2\na\nb", "```\n1\n2\na\nb\n```"),
        ("<pre>`` ```<b>`</b></pre>", "`` ````", "`````\n`` ````\n`````"),
        ("<pre>a</pre><pre>b</pre>", "a\n\nb", "```\na\n```\n\n```\nb\n```"),
        ("<p>call <code>f(*x_y)</code>, <tt>`a` ``</tt> or <kbd>a<br>b</kbd>", "call f(*x_y), `a` `` or a\nb",
         "call `f(*x_y)`, ``` `a` `` ``` or `a`\n`b`"),
    ],
)  # fmt: skip
def test_code_keeps_its_white_space(html: str, plain: str, markdown: str) -> None:
    assert both(html) == (plain, markdown)


@pytest.mark.parametrize(
    ("html", "language"),
    [
        ("<pre class='a language-c++'>x", "c++"),
        ("<pre><code class='hljs lang-js'>x</code></pre>", "js"),
        ("<div class='highlight-python notranslate'><div class=highlight><pre>x", "python"),
        ("<div class='highlight highlight-source-shell'><pre>x", "shell"),
        ("<pre class='brush: php; title: a'>x", "php"),
        ("<div class='highlight-default'><div><pre class=language-none>x", ""),
        ("<div class='box highlight-wide'><pre>x", ""),
        ("<pre></pre><p class='language-c'>no<pre>x", ""),
    ],
)
def test_the_language_of_code_is_named_where_the_page_does(html: str, language: str) -> None:
    assert f"```{language}\nx\n```" in rendered(html, markdown=True)


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<b>a</b> <strong> b</strong>c", "**a b**c"),
        ("x <b> a </b>y <i>\n</i><em>z</em>", "x **a** y *z*"),
        ("<b>a <i>b</i></b> <i>c <b>d</b></i>", "**a *b*** *c **d***"),
        ("<b><i>a</i></b>", "***a***"),
        ("<b>a</b><b>b</b><i>c</i>", "**ab**c"),
        ("<b>Note:</b>text <b>so</b>me <b>now:</b> x", "Note:text **so**me **now:** x"),
        ("<b>1. “a”</b>b", "1\\. “a”b"),
        ("<b>a<br>b</b>", "**a\nb**"),
        ("2 * 3 *a* **b**", "2 * 3 \\*a\\* \\*\\*b\\*\\*"),
        ("snake_case _a_ __init__ a _ b", "snake_case \\_a\\_ \\_\\_init\\_\\_ a _ b"),
        ("# a<br>#1<br>1. b<br>1.5<br>- c<br>-5<br>+ d<br>&gt; e<br>===<br>~~~",
         "\\# a\n#1\n1\\. b\n1.5\n\\- c\n-5\n\\+ d\n\\> e\n\\===\n\\~~~"),
        ("&lt;b> a &lt; b &lt;3 &amp;amp; R&amp;D; x", "\\<b> a < b <3 &amp\\; R&D\\; x"),
        ("[1] [a](b) ![c](d) `x` C:\\dir \\* \\", "[1] [a]\\(b) ![c]\\(d) \\`x\\` C:\\dir \\\\\\* \\\\"),
        ("[a]: b<br>see [a]: b", "[a]\\: b\nsee [a]\\: b"),
        ("a|b<br>--|--", "a|b\n\\--|--"),
    ],
)  # fmt: skip
def test_emphasis_and_what_would_be_read_as_a_mark(html: str, markdown: str) -> None:
    assert rendered(html, markdown=True) == markdown
    assert words(read_back(markdown)) == words(rendered(html, markdown=False))


def test_only_the_kept_blocks_are_written_and_items_keep_their_numbers() -> None:
    tree = parse("<h1>a</h1><ol><li>b<li>c<p>d<li>e</ol><table><tr><td>f<td>g<tr><td>h<td>i</table><p>j")
    assert isinstance(tree, Tree)

    def kept(letters: str) -> str:
        texts = [tree.data[tree.runs.begin[first]] for first in tree.blocks.first]
        return write_text(tree, np.array([chr(byte) in letters for byte in texts]), markdown=False)

    assert kept("") == ""
    assert kept("cdej") == "2. c\n\n   d\n\n3. e\n\nj"
    assert kept("dj") == "2. d\n\nj"
    assert kept("fhi") == "f\nh | i"
    assert kept("gi") == "g\n\ni"


def test_what_is_nested_without_end_is_written_all_the_same() -> None:
    deep = "".join(f"<ul><li>{level}<blockquote>" for level in range(300))
    plain, markdown = both(deep)
    assert words(plain) == words(read_back(markdown)) == [str(level) for level in range(300)]
    assert max(map(len, markdown.split("\n"))) < 60


def test_a_page_beyond_the_limits_raises() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        rendered("<div>" * 1_100 + "x", markdown=False)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def read_back(markdown: str) -> str:
    """The text that a parser of CommonMark and of GitHub's tables finds, with the numbers of items."""
    parts = []
    for token in MarkdownIt("commonmark", {"maxNesting": 100}).enable("table").parse(markdown):
        assert token.type != "html_block"
        parts += ["\n", token.info if token.type == "list_item_open" else "", token.content if token.type == "fence" else ""]
        for inline in token.children or ():
            assert inline.type not in ("html_inline", "link_open", "image")
            parts.append("\n" if inline.type == "softbreak" else inline.content)
    return "".join(parts)


_MARKS = (
    "word", "a b", "1.", "2)", "12. ", "-", "- ", "+ ", "* ", "*", "**", "_", "__", "a_b", "`", "``", "```", "~~~", "#", "## x",
    ">", "[a](b)", "[x]: y", "[x]", "(y)", ":", ";", "&amp;", "&#65;", "&copy;", "<b>", "<", "<!--", "<http://x.y>", "\\", "\\*",
    "|", "|---|", "---", "===", "!", '"', ".", "é", "日本", "。", "—", "“q”", "\u00a0", " ", "\n", "\t", "$", "=", "\u200b",
    "\u3000", "🎉",
)  # fmt: skip
_pieces = st.sampled_from([*map(escape, _MARKS), *(escape(mark) + " " for mark in _MARKS)])
_text = st.lists(_pieces, min_size=1, max_size=4).map("".join)


def _element(names: tuple[str, ...], inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.sampled_from(names), inner).map(lambda pair: f"<{pair[0]}>{pair[1]}</{pair[0].split()[0]}>")


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(inner, min_size=1, max_size=3).map("".join)


def _blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return _joined(
        st.one_of(
            inner,
            _element(("p", "h2", "blockquote", "pre", "div"), inner),
            _element(("ul", "ol start=3"), _joined(_element(("li", "li value=7"), inner))),
            _element(("dl",), _joined(_element(("dt", "dd"), inner))),
            _element(("table",), _joined(_element(("tr",), _joined(_element(("td", "th"), inner))))),
        )
    )


_inline = st.recursive(
    _text | st.just("<br>"),
    lambda inner: _joined(inner | _element(("b", "strong", "i", "em", "code", "kbd", "a"), inner)),
    max_leaves=8,
)
pages = st.recursive(_inline, _blocks, max_leaves=12)


@settings(max_examples=400, deadline=None)
@given(pages)
def test_markdown_that_is_read_back_has_the_words_of_the_plain_form(html: str) -> None:
    plain, markdown = both(html)
    assert words(read_back(markdown)) == words(plain)
    for text in (plain, markdown):
        assert not re.search(r"\n\n\n|[ \t](\n|$)|^\n", text)


@given(st.data())
def test_every_word_of_a_page_is_written_in_order(data: st.DataObject) -> None:
    tree = parse(data.draw(pages))
    assert isinstance(tree, Tree)
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=len(tree.blocks.first), max_size=len(tree.blocks.first))), np.bool_)
    assert_words_of_blocks(tree, kept)


@pytest.mark.long
def test_every_word_of_real_pages_is_written_in_order(evaluation_data: Path) -> None:
    for file in sorted((evaluation_data / "wcxb" / "html").glob("*.html.gz")):
        tree = parse(decode(gzip.decompress(file.read_bytes()), None, markup=True).text)
        assert isinstance(tree, Tree)
        assert_words_of_blocks(tree, np.ones(len(tree.blocks.first), np.bool_))


def assert_words_of_blocks(tree: Tree, kept: np.ndarray) -> None:
    data, runs = tree.data.tobytes(), tree.runs
    expected = []
    for block in np.flatnonzero(kept):
        span = range(tree.blocks.first[block], tree.blocks.end[block])
        expected += words("".join(unescape(data[runs.begin[run] : runs.end[run]].decode()) or "\n" for run in span))
    written, at = words(write_text(tree, kept, markdown=False)), 0
    for word in written:
        if at < len(expected) and word == expected[at]:
            at += 1
        else:
            # All that is written beside them are the numbers of items.
            assert word.isdigit()
    assert at == len(expected)


_CHECKED = """
import random, sys
from data4llm_assets.extracted_text.rendering import rendered
pages = sys.stdin.read().split("\\0")
for page in pages:
    for markdown in (False, True):
        rendered(page, markdown=markdown)
"""


@pytest.mark.long
def test_no_read_or_write_is_out_of_bounds(tmp_path: Path) -> None:
    tags = (
        "<table>", "<tr>", "<td>", "<td></td>" * 30, "<pre>", "</pre>", "<ul>", "<ol start=99999999999>", "<li value=-4>", "<li>",
        "<blockquote>", "<dl>", "<dt>", "<dd>", "<b>", "<i>", "<code>", "</code>", "<h2>", "</div>", "<br>", "<br><br>", "&nbsp;",
        "<b><i>`", "_" * 50, "\t ",
    )  # fmt: skip
    random = np.random.default_rng(0)
    pieces = [*tags, *map(escape, _MARKS)]
    pages = ["".join(random.choice(pieces, size=random.integers(1, 80))) for _ in range(3_000)]
    environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", _CHECKED], input="\0".join(pages), text=True, env=environment, check=True)
