"""A page without what no model looks at, before it is parsed: scripts, styles, comments, drawings, most attributes.

One compiled pass; what is left is a third of a page's bytes. It also is what keeps the parser's time in proportion to the page: an
element has a dozen attributes at most, formatting elements have none by which it would have to keep them apart, and pages that
leave so many elements open that it would search them for minutes are known before.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from data4llm_assets.extracted_text.dom import tags
from data4llm_assets.extracted_text.dom.hashing import table

Bytes: TypeAlias = NDArray[np.uint8]
Number: TypeAlias = Any

_ORDINARY, _RAW, _CHARACTERS, _DRAWING, _FORMATTING, _SCRIPT, _PLAIN, _SELECT, _OPTION = range(9)
_ACTIONS = {
    _RAW: ("style", "iframe", "noembed", "noframes", "xmp"),
    _CHARACTERS: ("title", "textarea"),
    _DRAWING: ("svg",),
    _FORMATTING: ("b", "big", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u", "code"),
    _SCRIPT: ("script",),
    _PLAIN: ("plaintext",),
    _SELECT: ("select",),
    _OPTION: ("option",),
}
ACTION = np.zeros(len(tags.NAMES), np.uint8)
for _action, _names in _ACTIONS.items():
    ACTION[[tags.ID[name] for name in _names]] = _action
BREAKS_OUT = tags.KIND == tags.BLOCK
"""HTML that is no part of a drawing, and ends one that was never closed."""
BREAKS_OUT[[tags.ID[name] for name in ("span", "b", "i", "em", "strong", "img", "br", "code", "small", "sub", "sup")]] = True
_CLOSED_BY_OTHERS = (
    "html", "head", "body", "p", "li", "dd", "dt", "option", "optgroup", "rp", "rt", "caption", "colgroup", "thead", "tbody",
    "tfoot", "tr", "td", "th", "a", "button",
)  # fmt: skip
STAYS_OPEN = ~tags.IS_VOID & np.isin(ACTION, (_ORDINARY, _FORMATTING, _SELECT))
"""Elements that only an end tag closes, their own or that of one around them."""
STAYS_OPEN[[tags.ID[name] for name in _CLOSED_BY_OTHERS]] = False
_KEPT_NAMES = (
    "class", "id", "role", "itemprop", "hidden", "aria-hidden", "style", "name", "property", "content", "type", "start", "reversed",
    "value",
)  # fmt: skip
KEPT = table(dict.fromkeys(_KEPT_NAMES, 1))
SCRIPT_DATA = np.frombuffer(b"ld+json", np.uint8)
_LONGEST_VALUE = 4096
"""Bytes: no class name, title or description is longer."""
_LONGEST_OF_FORMATTING = 64
_ALIKE = 3
"""Formatting elements of one name that a parser opens again at most (HTML Standard, 13.2.4.3)."""
_MOST_STRANGERS, _STRANGERS = 1_000, 4_096
"""Names of elements that HTML does not have, and places for them: the parser keeps a list of those, and looks each up in it."""
_MOST_OF_OPTIONS = 3 * 10**7
"""Of pairs of options in one `select`, in all: the parser goes through them again with each, and nobody sees them anyway."""
_FNV, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_LT, _GT, _SLASH, _BANG, _QUESTION, _EQUALS, _DASH = 60, 62, 47, 33, 63, 61, 45


@njit(cache=True, nogil=True)
def _number(keys: Any, values: Any, key: Number) -> Number:
    mask = np.uint64(keys.size - 1)
    place = key & mask
    while keys[place] != 0:
        if keys[place] == key:
            return values[place]
        place = (place + np.uint64(1)) & mask
    return np.uint8(0)


@njit(cache=True, nogil=True)
def _is_space(byte: Number) -> bool:
    return byte == 32 or byte == 10 or byte == 9 or byte == 12 or byte == 13


@njit(cache=True, nogil=True)
def _lower(byte: Number) -> Number:
    return byte | 32 if 65 <= byte <= 90 else byte


@njit(cache=True, nogil=True)
def _end_tag(data: Bytes, begin: Number, name: Number, name_end: Number) -> Number:
    """Where the next end tag of the same name begins; the end of the page if there is none."""
    width = name_end - name
    for at in range(begin, data.size - width - 1):
        if data[at] == _LT and data[at + 1] == _SLASH:
            same = True
            for offset in range(width):
                if _lower(data[at + 2 + offset]) != _lower(data[name + offset]):
                    same = False
                    break
            if same:
                behind = at + 2 + width
                if behind >= data.size or _is_space(data[behind]) or data[behind] == _GT or data[behind] == _SLASH:
                    return at
    return data.size


@njit(cache=True, nogil=True)
def slimmed(
    data: Bytes,
    tag_keys: Any,
    tag_values: Any,
    action: Any,
    breaks_out: Any,
    stays_open: Any,
    kept_keys: Any,
    kept_values: Any,
    script_data: Bytes,
) -> Any:
    """The fields of `Slimmed`.

    data : uint8, HTML in UTF-8. tag_keys, tag_values, action, breaks_out, stays_open : element names and what to do with each.
    kept_keys, kept_values : attributes that are kept. script_data : a script is kept if this stands in its tag.
    """
    size = data.size
    # A space goes before each attribute, also where `id=""id=""` had none: five bytes are the shortest that is kept so.
    out = np.empty(size + size // 4 + 16, np.uint8)
    filled = 0
    opened, endless = np.zeros(action.size, np.int64), np.zeros(action.size, np.bool_)
    now = most = started = 0
    depth = steps = 0
    drawings = 0
    names, strangers = np.zeros(_STRANGERS, np.uint64), 0
    options = pairs = 0
    at = 0
    while at < size:
        if data[at] != _LT:
            begin = at
            while at < size and data[at] != _LT:
                at += 1
            if not drawings:
                if filled and out[filled - 1] == _LT and data[begin - 1] != _LT:
                    # A bracket that opens no tag must not do so because what stood behind it is gone.
                    out[filled] = 32
                    filled += 1
                out[filled : filled + at - begin] = data[begin:at]
                filled += at - begin
            continue
        following = data[at + 1] if at + 1 < size else np.uint8(0)
        if following in (_BANG, _QUESTION):
            begin = at
            if following == _BANG and at + 3 < size and data[at + 2] == _DASH and data[at + 3] == _DASH:
                at += 4
                if at < size and data[at] == _GT:
                    at += 1
                    continue
                # `-->`, also where its dashes are the opening ones; or `--!>`, with dashes of its own.
                while at < size and not (
                    data[at] == _GT
                    and (
                        (data[at - 1] == _DASH and data[at - 2] == _DASH)
                        or (at >= begin + 7 and data[at - 1] == _BANG and data[at - 2] == _DASH and data[at - 3] == _DASH)
                    )
                ):
                    at += 1
                at += 1
                continue
            while at < size and data[at] != _GT:
                at += 1
            at = min(at + 1, size)
            if begin + 2 < size and _lower(data[begin + 2]) == 100 and not drawings:
                # The document type decides how tables stand in paragraphs.
                out[filled : filled + at - begin] = data[begin:at]
                filled += at - begin
            continue
        closing = following == _SLASH
        name = at + (2 if closing else 1)
        if name >= size or not (97 <= _lower(data[name]) <= 122):
            if closing:
                # No end tag, but a comment up to the next bracket.
                while at < size and data[at] != _GT:
                    at += 1
                at = min(at + 1, size)
            else:
                if not drawings:
                    out[filled] = _LT
                    filled += 1
                at += 1
            continue
        state = _FNV
        tag_begin, at = at, name
        while at < size and not _is_space(data[at]) and data[at] != _GT and data[at] != _SLASH:
            state = (state ^ np.uint64(_lower(data[at]))) * _PRIME
            at += 1
        name_end = at
        tag = _number(tag_keys, tag_values, state)
        todo = action[tag]
        if drawings and breaks_out[tag]:
            drawings = 0
        silent = drawings > 0 or todo in (_RAW, _DRAWING, _PLAIN)
        if todo == _SELECT:
            options = 0
        elif todo == _OPTION and not closing:
            options += 1
            pairs += options
            silent |= pairs > _MOST_OF_OPTIONS
        elif tag == 0 and not silent:
            place = state & np.uint64(_STRANGERS - 1)
            while names[place] != 0 and names[place] != state:
                place = (place + np.uint64(1)) & np.uint64(_STRANGERS - 1)
            if names[place] == 0:
                silent = strangers == _MOST_STRANGERS
                if not silent:
                    names[place] = state
                    strangers += 1
        mark = filled
        steps += depth
        if not silent:
            out[filled : filled + name_end - tag_begin] = data[tag_begin:name_end]
            filled += name_end - tag_begin
        is_data = False
        while at < size and data[at] != _GT:
            if _is_space(data[at]) or data[at] == _SLASH:
                at += 1
                continue
            attribute, state = at, _FNV
            at += 1
            state = (state ^ np.uint64(_lower(data[attribute]))) * _PRIME
            while at < size and data[at] != _EQUALS and not _is_space(data[at]) and data[at] != _GT and data[at] != _SLASH:
                state = (state ^ np.uint64(_lower(data[at]))) * _PRIME
                at += 1
            end = at
            while at < size and _is_space(data[at]):
                at += 1
            if at < size and data[at] == _EQUALS:
                at += 1
                while at < size and _is_space(data[at]):
                    at += 1
                if at < size and (data[at] == 34 or data[at] == 39):
                    quote = data[at]
                    at += 1
                    while at < size and data[at] != quote:
                        at += 1
                    at = min(at + 1, size)
                else:
                    while at < size and not _is_space(data[at]) and data[at] != _GT:
                        at += 1
                end = at
            else:
                at = end
            if silent or closing or (todo == _FORMATTING and end - attribute > _LONGEST_OF_FORMATTING):
                continue
            if _number(kept_keys, kept_values, state) == 0 or end - attribute > _LONGEST_VALUE:
                continue
            if todo == _FORMATTING and opened[tag] >= _ALIKE:
                continue
            if todo == _SCRIPT:
                for where in range(attribute, end - script_data.size + 1):
                    same = True
                    for offset in range(script_data.size):
                        if data[where + offset] != script_data[offset]:
                            same = False
                            break
                    is_data |= same
            out[filled] = 32
            out[filled + 1 : filled + 1 + end - attribute] = data[attribute:end]
            filled += 1 + end - attribute
        at = min(at + 1, size)
        if todo == _DRAWING:
            # One that is closed at once holds nothing.
            if closing:
                drawings = max(0, drawings - 1)
            elif data[at - 2] != _SLASH:
                drawings += 1
            continue
        if not silent:
            out[filled] = _GT
            filled += 1
        if closing:
            if opened[tag] and not silent:
                opened[tag] -= 1
                depth -= 1
                now -= todo == _FORMATTING and opened[tag] < _ALIKE
            continue
        started += not silent
        if stays_open[tag] and not silent:
            now += todo == _FORMATTING and opened[tag] < _ALIKE
            most = max(most, now)
            opened[tag] += 1
            depth += 1
        if todo in (_RAW, _SCRIPT, _CHARACTERS):
            # In a drawing, one that is closed at once holds nothing, and one that never is does not hold the page.
            if drawings and (data[at - 2] == _SLASH or endless[tag]):
                continue
            end = _end_tag(data, at, name, name_end)
            if drawings and end == size:
                endless[tag] = True
                continue
            if todo == _CHARACTERS or (todo == _SCRIPT and is_data):
                if not drawings:
                    out[filled : filled + end - at] = data[at:end]
                    filled += end - at
                at = end
            else:
                filled = mark
                at = end
                while at < size and data[at] != _GT:
                    at += 1
                at = min(at + 1, size)
    return out[:filled], most, started, steps


class Slimmed(NamedTuple):
    """html : what is left of a page. formatting : how many formatting elements are open at most, as a parser counts them.

    elements : start tags. steps : how many elements are open at each tag, all tags together, by their own end tags alone: about
    what a parser does that looks for the one which an end tag closes.
    """

    html: bytes
    formatting: int
    elements: int
    steps: int


def slim(html: str) -> Slimmed:
    """What is left of a page, which is characters."""
    data = np.frombuffer(html.encode("utf-8", "replace"), np.uint8)
    left, *counts = slimmed(data, *tags.TAGS, ACTION, BREAKS_OUT, STAYS_OPEN, *KEPT, SCRIPT_DATA)
    return Slimmed(left.tobytes(), *map(int, counts))
