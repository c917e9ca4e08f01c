"""Pages that nobody wrote: real ones, damaged as networks, archives, editors and people who want to harm a parser damage them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from random import Random

_TAG = re.compile(rb"</?[a-zA-Z][^<>]*>")
_WORD = re.compile(rb"[a-z-]+(?==)")
_CHARSET = re.compile(rb"(?i)charset\s*=\s*[\"']?[\w-]+")
_LARGEST = 300_000
"""Bytes of a mutation: what multiplies a page is for cases of their own."""
_OPENERS = (
    b"<!--", b"<!", b"<?", b"</", b"<", b"<![CDATA[", b"]]>", b"-->", b"<script>", b"</script>",
    b"<script type=application/ld+json>{", b"<style>", b"<svg>", b"</svg>", b"<svg><style>", b"<svg/>", b"<svg><foreignObject>",
    b"<math>", b"<math><mtext><table>", b"<table>", b"<table><tr><td>", b"</table>", b"<template>", b"</template>", b"<noscript>",
    b"</noscript>", b"<title>", b"<textarea>", b"<plaintext>", b"<xmp>", b"<iframe>", b"<noframes>", b"<frameset>", b"<select>",
    b"<option>", b"<form>", b"<button>", b"<a href=x>", b"<pre>", b"</pre>", b"<ol start=999999999999>", b"<li value=-1>",
    b"<dl><dt>", b"<dd>", b"<blockquote>", b"<code>`", b"<b>", b"</b>", b"<em>*", b"</p>", b"</br>", b"<br>", b"<hr>",
    b"<body hidden>", b"</body>", b"</html>", b"<html lang=xx>", b"<base href='javascript:1'>", b"<x-card>", b"<a<b>", b"<p/=>",
    b"<p a='", b'<p a="', b"<h1>", b"</h2>", b"<ruby><rt>", b"<object><param>", b"<keygen>", b"<bgsound>",
)  # fmt: skip
_ENTITIES = (
    b"&", b"&#", b"&#x", b"&#0;", b"&#xD800;", b"&#xDFFF", b"&#x110000;", b"&#99999999999999999999;", b"&#128;", b"&nbsp",
    b"&nbsp;", b"&amp;amp;lt;", b"&lt", b"&NotEqualTilde;", b"&#xFEFF;", b"&#8203;", b"&#13;", b"&#1;",
    b"&" + b"a" * 5_000 + b";",
)  # fmt: skip
_CODECS = (
    "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "cp1251", "koi8-r", "shift_jis", "euc-jp", "gb18030", "utf-8-sig",
    "utf-7",
)  # fmt: skip
_LABELS = (
    b"utf-16", b"utf-7", b"iso-2022-jp", b"hz-gb-2312", b"no-such-charset", b"shift_jis", b"utf-8", b"x-user-defined", b"big5",
    b"",
)  # fmt: skip
_CONTROLS = (
    b"\0", b"\x01", b"\x08", b"\x0b", b"\x0c", b"\x1b", b"\x7f", b"\r", b"\xff", b"\xfe\xff", b"\xc2\x85", b"\xe2\x80\xa8",
    b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\xef\xbb\xbf", b"\xc2", b"\xe3\x80", b"\xf0\x9f",
)  # fmt: skip
_ATTRIBUTES = (b"class", b"id", b"style", b"hidden", b"aria-hidden", b"type", b"data-x", b"href", b"content", b"lang", b"=", b'"')
_VALUES = (b"x", b"true", b"display: none", b"display:", b"nav footer", b"language-", b"<p>", b"a" * 100_000, b"\0")
_NESTING = (b"div", b"span", b"p", b"ul><li", b"ol><li", b"table><tr><td", b"b", b"font size=1", b"blockquote", b"x-y", b"dl><dd")
_FORMATTING = (b"b", b"i", b"em", b"strong", b"font", b"a", b"nobr", b"code", b"u", b"small")


def mutation(page: bytes, number: int) -> bytes:
    """A page, damaged in one to three ways: a pure function of both. Consecutive numbers have each way in turn."""
    chance = Random(hashlib.sha256(number.to_bytes(8) + page).digest())
    ways = [WAYS[number % len(WAYS)], *chance.choices(WAYS, k=chance.choice((0, 0, 1, 2)))]
    for way in ways:
        page = way(page, chance)[:_LARGEST]
    return page


def _flipped(page: bytes, chance: Random) -> bytes:
    data = bytearray(page)
    for _ in range(chance.choice((1, 10, 100, 1_000)) if data else 0):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def _overwritten(page: bytes, chance: Random) -> bytes:
    """Bytes that mean something to a parser, in other places."""
    data = bytearray(page)
    for _ in range(chance.choice((1, 10, 100)) if data else 0):
        data[chance.randrange(len(data))] = chance.choice(b"<>\"'=/&;!-[]? \n\0\x80\xc2\xe3\xef\xff")
    return bytes(data)


def _cut(page: bytes, chance: Random) -> bytes:
    begin, end = _range(page, chance)
    return chance.choice((page[:begin], page[begin:], page[begin:end], page[:end]))


def _deleted(page: bytes, chance: Random) -> bytes:
    for _ in range(chance.choice((1, 10, 100))):
        begin, end = _range(page, chance, 2_000)
        page = page[:begin] + page[end:]
    return page


def _repeated(page: bytes, chance: Random) -> bytes:
    begin, end = _range(page, chance, 1_000)
    return page[:begin] + page[begin:end] * chance.choice((2, 10, 100)) + page[end:]


def _moved(page: bytes, chance: Random) -> bytes:
    for _ in range(chance.choice((1, 10))):
        begin, end = _range(page, chance, 5_000)
        rest = page[:begin] + page[end:]
        place = chance.randint(0, len(rest))
        page = rest[:place] + page[begin:end] + rest[place:]
    return page


def _nested(page: bytes, chance: Random) -> bytes:
    """A part of the page within itself, many times over."""
    begin, end = _range(page, chance, 400)
    middle = (begin + end) // 2
    times = chance.choice((5, 50, 300))
    return page[:begin] + page[begin:middle] * times + page[middle:end] * times + page[end:]


def _swapped_tags(page: bytes, chance: Random) -> bytes:
    tags = [found.span() for found in _TAG.finditer(page)]
    for _ in range(chance.choice((1, 10, 50)) if len(tags) > 1 else 0):
        (a, b), (c, d) = sorted(chance.sample(tags, 2))
        if d - c == b - a:
            page = page[:a] + page[c:d] + page[b:c] + page[a:b] + page[d:]
        else:
            place = chance.choice((a, d))
            page = page[:place] + page[c:d] + page[place:]
    return page


def _unclosed(page: bytes, chance: Random) -> bytes:
    """End tags gone: some, all, or all of one name."""
    share = chance.choice((0.1, 0.5, 1.0))
    name = chance.choice((b"", b"", b"div", b"p", b"a", b"li", b"td", b"span", b"script", b"title"))
    return re.sub(rb"</" + name + rb"[^<>]*>", lambda found: b"" if chance.random() < share else found[0], page)


def _unopened(page: bytes, chance: Random) -> bytes:
    share = chance.choice((0.1, 0.5, 1.0))
    return re.sub(rb"<[a-z][^<>]*>", lambda found: b"" if chance.random() < share else found[0], page)


def _unquoted(page: bytes, chance: Random) -> bytes:
    share, quote = chance.choice((0.05, 0.5, 1.0)), chance.choice((b'"', b"'", b">"))
    return b"".join(piece if chance.random() < share else piece + quote for piece in page.split(quote))


def _attributed(page: bytes, chance: Random) -> bytes:
    """A tag with many attributes, or with one that is large."""
    place = _before_end_of_tag(page, chance)
    name, value = chance.choice(_ATTRIBUTES), chance.choice(_VALUES)
    written = [name, name + b"=" + value, name + b"='" + value + b"'", name + b'="' + value + b'" ', b" " + name + b'="' + value]
    times = chance.choice((1, 3, 30, 3_000)) if len(value) < 100 else 1
    one = chance.choice(written)
    if chance.random() < 0.5:
        return page[:place] + (b" " + one) * times + page[place:]
    return page[:place] + b"".join(b" " + one.replace(name, name + b"%d" % at, 1) for at in range(times)) + page[place:]


def _renamed_attributes(page: bytes, chance: Random) -> bytes:
    names = _WORD.findall(page) or [b"class"]
    share = chance.choice((0.1, 1.0))
    return _WORD.sub(lambda found: chance.choice(names) if chance.random() < share else found[0], page)


def _entities(page: bytes, chance: Random) -> bytes:
    return _strewn(page, chance, _ENTITIES)


def _broken_entities(page: bytes, chance: Random) -> bytes:
    share = chance.choice((0.1, 1.0))
    return re.sub(rb"&#?\w+;", lambda found: found[0][:-1] if chance.random() < share else found[0].replace(b"&", b"&amp;"), page)


def _openers(page: bytes, chance: Random) -> bytes:
    return _strewn(page, chance, _OPENERS)


def _one_opener(page: bytes, chance: Random) -> bytes:
    """The same one everywhere, or many times in one place."""
    opener = chance.choice(_OPENERS)
    if chance.random() < 0.5:
        return _strewn(page, chance, (opener,))
    place = chance.randint(0, len(page))
    return page[:place] + opener * chance.choice((10, 300, 3_000)) + page[place:]


def _controls(page: bytes, chance: Random) -> bytes:
    return _strewn(page, chance, _CONTROLS)


def _relabelled(page: bytes, chance: Random) -> bytes:
    label = b"charset=" + chance.choice(_LABELS)
    changed, count = _CHARSET.subn(label, page)
    return changed if count else b"<meta " + label + b">" + page


def _recoded(page: bytes, chance: Random) -> bytes:
    """In another charset, with and without a mark, and sometimes cut within a character."""
    changed = page.decode("utf-8", "replace").encode(chance.choice(_CODECS), "replace")
    return changed[chance.choice((0, 0, 0, 1)) :]


def _miscoded(page: bytes, chance: Random) -> bytes:
    """Encoded twice, as by a server that took UTF-8 for something else."""
    return page.decode(chance.choice(("cp1252", "cp1251", "cp437")), "replace").encode("utf-8", "replace")


def _deep(page: bytes, chance: Random) -> bytes:
    name = chance.choice(_NESTING)
    depth = chance.choice((20, 200, 900, 1_100, 20_000 // len(name)))
    place = chance.randint(0, len(page))
    return page[:place] + (b"<" + name + b">") * depth + b"deep" + page[place:]


def _formatted(page: bytes, chance: Random) -> bytes:
    """Formatting elements that are never closed, alike or not, before paragraphs that open them anew."""
    name, count = chance.choice(_FORMATTING), chance.choice((3, 30, 300))
    alike = chance.random() < 0.5
    opened = b"".join(b"<%s class=%d>" % (name, 0 if alike else at) for at in range(count))
    place = chance.randint(0, len(page))
    return page[:place] + opened + b"<p>x" * chance.choice((0, 10, 100)) + page[place:]


def _joined(page: bytes, chance: Random) -> bytes:
    begin, end = _range(page, chance)
    return chance.choice((page + page, page[begin:end] + page, page[end:] + page[:begin], page + page[::-1]))


def _capitals(page: bytes, chance: Random) -> bytes:
    return page.upper() if chance.random() < 0.5 else page.swapcase()


def _spaced(page: bytes, chance: Random) -> bytes:
    """Other white space, or none."""
    new = chance.choice((b"", b"\t", b"\r", b"\x0c", b"\xc2\xa0", b"&nbsp;", b"/", b"  \n"))
    return page.replace(chance.choice((b" ", b"\n")), new)


def _binary(page: bytes, chance: Random) -> bytes:
    begin, end = _range(page, chance, 20_000)
    return page[:begin] + chance.randbytes(end - begin) + page[end:]


WAYS: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flipped, _overwritten, _cut, _deleted, _repeated, _moved, _nested, _swapped_tags, _unclosed, _unopened, _unquoted, _attributed,
    _renamed_attributes, _entities, _broken_entities, _openers, _one_opener, _controls, _relabelled, _recoded, _miscoded, _deep,
    _formatted, _joined, _capitals, _spaced, _binary,
)  # fmt: skip


def _range(page: bytes, chance: Random, most: int = 1 << 30) -> tuple[int, int]:
    begin = chance.randint(0, len(page))
    return begin, chance.randint(begin, min(len(page), begin + most))


def _strewn(page: bytes, chance: Random, pieces: tuple[bytes, ...]) -> bytes:
    """Pieces in random places, half of them where a tag ends."""
    for _ in range(chance.choice((1, 5, 30))):
        place = chance.randint(0, len(page))
        if chance.random() < 0.5:
            place = page.find(b">", place) + 1
        page = page[:place] + chance.choice(pieces) + page[place:]
    return page


def _before_end_of_tag(page: bytes, chance: Random) -> int:
    place = page.find(b">", chance.randint(0, len(page)))
    return max(place, 0)
