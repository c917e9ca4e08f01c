"""E-mail and public IP addresses replaced, as FineWeb does (Penedo et al. 2024, arXiv 2406.17557; datatrove's PII formatter).

Edits only: nothing is dropped. Both are idempotent: an address that is itself one of the replacements stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field, field_validator

from data4llm_assets.document import SPAN
from data4llm_assets.method import Edit, Measure

Span = tuple[int, int]
Find = Callable[[str], Iterator[Span]]
EMAILS = ("email@example.com", "firstname.lastname@example.org")
ADDRESSES = ("22.214.171.124", "126.96.36.199", "188.8.131.52", "184.108.40.206", "220.127.116.11", "18.104.22.168")

ATOM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+/=?^_`{|}~-"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
OCTET = r"(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)"
IPV4 = rf"(?:{OCTET}\.){{3}}{OCTET}"
AT_DOMAIN = rf"@(?:(?:{LABEL}\.)+{LABEL}|\[{IPV4}\](?!-*[A-Za-z0-9]|\.[A-Za-z0-9]))"
DOMAIN = re.compile(AT_DOMAIN)
SYMBOLS = re.escape("".join(character for character in ATOM if not character.isalnum() and character != "_"))
CHAIN = re.compile(rf"(?:(?:\.?[{SYMBOLS}]+(?:\.[{SYMBOLS}]+)*)?(?:{AT_DOMAIN}|@[{re.escape(ATOM)}.]+(?=@)))*")
ATOM_START = re.compile(r"\b[A-Za-z0-9_]")
ADDRESS = re.compile(rf"(?<![0-9]){IPV4}(?![0-9])")
NOT_GLOBAL = re.compile(
    r"0\.|10\.|127\.|169\.254\.|192\.168\.|192\.0\.2\.|198\.1[89]\.|198\.51\.100\.|203\.0\.113\.|2[45][0-9]\."
    r"|172\.(?:1[6-9]|2[0-9]|3[01])\.|100\.(?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.|192\.0\.0\.(?!9$|10$)"
)
"""IANA's IPv4 special-purpose registry (RFC 6890). Not Python's `is_global`, which changed between patch releases."""


class Email(Edit):
    """Replace e-mail addresses, by turns with each replacement, from the first in every document.

    Addresses as in FineWeb, save three kinds that would make a second pass find more: one never starts in a symbol; one ending
    in `[1.2.3.4]` may not run on into a domain; and a chain `a@b.org@c.org`, `a@b.org@c@d.org` or `a@b.org-@c.org` is one address.
    """

    version: ClassVar[str] = "2"
    uses: ClassVar[tuple[str, ...]] = ("polars",)

    method: Literal["email"] = "email"
    replacements: Measure[tuple[str, ...]] = Field(EMAILS, min_length=1, description="FineWeb: these two, reserved by RFC 2606")

    @field_validator("replacements")
    @classmethod
    def _stable(cls, replacements: tuple[str, ...]) -> tuple[str, ...]:
        return _settled(replacements, email_spans)

    def edits(self, documents: pl.DataFrame) -> pl.DataFrame:
        likely = pl.col("text").str.contains(r"[A-Za-z0-9!#-'*+/=?^_`{|}~-]@[A-Za-z0-9\[]")
        return replace(documents.filter(likely), email_spans, self.replacements, "email")


class PublicIp(Edit):
    """Replace globally routable IPv4 addresses, by turns with each replacement, from the first in every document.

    Private, loopback, reserved and documentation addresses stay, as do octets with a leading zero. Unlike in FineWeb, an
    address is never part of a longer run of digits (`1234.5.6.7` holds none). A version number `2.10.3.4` looks the same.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("polars",)

    method: Literal["public_ip"] = "public_ip"
    replacements: Measure[tuple[str, ...]] = Field(ADDRESSES, min_length=1, description="FineWeb: six that answered no ping")

    @field_validator("replacements")
    @classmethod
    def _stable(cls, replacements: tuple[str, ...]) -> tuple[str, ...]:
        return _settled(replacements, public_ip_spans)

    def edits(self, documents: pl.DataFrame) -> pl.DataFrame:
        likely = pl.col("text").str.contains(r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]")
        return replace(documents.filter(likely), public_ip_spans, self.replacements, "public_ip")


def email_spans(text: str) -> Iterator[Span]:
    """Where e-mail addresses lie, from left to right. Linear in the text: each `@` is looked at once, outwards."""
    end = 0
    at = text.find("@")
    while at >= 0:
        domain = DOMAIN.match(text, at)
        stop = domain.end() if domain else at + 1
        if domain:
            run = text[end:at]
            local = run[len(run.rstrip(f"{ATOM}.")) :].rpartition("..")[2]
            first = ATOM_START.search(text, at - len(local), at) if not local.endswith(".") else None
            if first:
                chain = CHAIN.match(text, stop)
                end = stop = chain.end() if chain else stop
                yield first.start(), stop
        at = text.find("@", stop)


def public_ip_spans(text: str) -> Iterator[Span]:
    """Where globally routable IPv4 addresses lie, from left to right."""
    for match in ADDRESS.finditer(text):
        octets = match.group().split(".")
        if not NOT_GLOBAL.match(match.group()) and all(octet == str(int(octet)) for octet in octets):
            yield match.span()


def replace(documents: pl.DataFrame, find: Find, replacements: tuple[str, ...], kind: str) -> pl.DataFrame:
    """Replace what `find` finds, by turns. Documents without a find are left out.

    Returns
    -------
    (doc_id: String, text: String, spans: List[SPAN]); spans are code points of the text before.
    """
    doc_ids, texts, spans = [], [], []
    for doc_id, text in documents.select("doc_id", "text").iter_rows():
        pieces: list[str] = []
        found: list[dict[str, int | str]] = []
        end = 0
        for start, stop in find(text):
            if not _replaced(text[start:stop], replacements):
                pieces += [text[end:start], replacements[len(found) % len(replacements)]]
                found.append({"start": start, "end": stop, "type": kind})
                end = stop
        if found:
            doc_ids.append(doc_id)
            texts.append("".join([*pieces, text[end:]]))
            spans.append(found)
    schema: dict[str, Any] = {"doc_id": pl.String, "text": pl.String, "spans": pl.List(SPAN)}
    return pl.DataFrame({"doc_id": doc_ids, "text": texts, "spans": spans}, schema=schema)


def _replaced(found: str, replacements: tuple[str, ...]) -> bool:
    """Whether an earlier pass left this: a replacement, or one behind the `a@` of an `a@b@c.org`, of which only `b@c.org` goes."""
    after = found.partition("@")[2]
    return found in replacements or (after != "" and after in replacements)


def _settled(replacements: tuple[str, ...], find: Find) -> tuple[str, ...]:
    """Refuse a replacement that holds an address beside other text: a second pass would replace it again."""
    for text in replacements:
        if list(find(text)) not in ([], [(0, len(text))]):
            msg = f"the replacement {text!r} holds an address in a longer text; give an address alone, or none"
            raise ValueError(msg)
    return replacements
