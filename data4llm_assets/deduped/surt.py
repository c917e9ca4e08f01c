"""Canonical URLs in the form of web archives' indexes, SURT: `com,example)/path?query`. Pure; whole columns at a time.

Which page a URL names beyond RFC 3986 is a guess, and these are the guesses of SURT and CDX files: `www.` says nothing, nor do
session ids, the order of parameters, repeated slashes and one at the end of a path. Beyond theirs, named tracking parameters go.
Other than there case counts in paths and queries, since the ids of videos and of short links differ by it; and a fragment that
begins with `#!` stays, for it names a page of an application.

Everything is a Polars expression but what is rare: hosts beyond plain ASCII names, dot segments, characters beyond ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple
from urllib.parse import quote, unquote

import polars as pl

from data4llm_assets.deduped.matching import beyond_ascii

TRACKING = (
    "utm_*", "hsa_*", "pk_*", "piwik_*", "mtm_*", "matomo_*",
    "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "srsltid", "_ga", "_gl",
    "fbclid", "fb_action_ids", "fb_action_types", "fb_ref", "fb_source", "igshid", "igsh",
    "msclkid", "twclid", "ttclid", "li_fat_id", "rb_clickid", "yclid", "ysclid", "_openstat", "epik", "scclid", "wickedid",
    "mc_cid", "mc_eid", "mkt_tok", "_hsenc", "_hsmi", "vero_id", "oly_anon_id", "oly_enc_id", "xtor", "wt_mc",
    "guccounter", "guce_referrer", "guce_referrer_sig", "__twitter_impression", "spm",
)  # fmt: skip
"""Parameters that say how a reader came, not what is read: of analytics (`utm_*` and its kin), advertising, newsletters."""

_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~" + "!$'()*,:@[]"
"""Characters for which an escape says the same: those RFC 3986 leaves unreserved, and those that delimit nothing within paths and
parameters (SURT undoes all escapes; here those of `/ ? # & = + ; %` stay, for they keep data from being syntax)."""
_ESCAPES = {f"%{code:02x}": chr(code) if chr(code) in _PLAIN else f"%{code:02X}" for code in range(256)}
_RAW = {chr(code): f"%{code:02X}" for code in (*range(33), 127, *map(ord, '"<>\\^`{|}%'))}
"""What may not stand in a URL, among it a `%` that begins no escape; looked for after the escapes."""
_ASCII = "".join(map(chr, range(128)))
_CUT_OFF = "".join(map(chr, range(33)))
_PARTS = r"(?is)^https?://([^/?#]*)(.*)$"
_PLACE = r"^(.*@)?(\[.*\]|[^:]*)(?::0*([0-9]*))?$"
_REST = r"(?s)^([^?#]*)(?:\?([^#]*))?(#!.+)?"
_ASP = r"(?i)(?:/\((?:[0-9a-z]{24}|(?:[a-z]\([0-9a-z]{24}\))+)\))+/"
_SESSION = r"(?:jsessionid|phpsessid|cfid|cftoken)(?:=.*)?|aspsessionid[a-z]{8}=[a-z]{24}|sid=[0-9a-z]{32}"


class Folding(NamedTuple):
    """What of a URL names no page: see `url.Url`. Of `tracking`, a name that ends in `*` is a prefix."""

    tracking: tuple[str, ...] = TRACKING
    session_ids: bool = True
    www: bool = True
    case: bool = False


STANDARD = Folding()


def canonical(urls: pl.Series, folding: Folding = STANDARD) -> pl.Series:
    """The SURT of every http or https URL; whatever else stays as it is, and null stays null.

    Idempotent: a SURT is no URL; and whoever spells it as a URL again gets the same SURT.
    """
    distinct = urls.unique()
    frame = pl.DataFrame({"url": distinct, "spelt": distinct.str.strip_chars(_CUT_OFF).str.replace_all(r"[\t\r\n]", "")})
    parts = pl.col("spelt").str.extract_groups(_PARTS).struct.rename_fields(["place", "rest"])
    frame = frame.select("url", parts.alias("parts")).unnest("parts").filter(pl.col("place").is_not_null())
    place = pl.col("place").str.extract_groups(_PLACE).struct.rename_fields(["user", "host", "port"])
    frame = frame.with_columns(place.alias("parts")).unnest("parts").with_columns(_escaped(frame["rest"], folding))
    rest = pl.col("rest").str.extract_groups(_REST).struct.rename_fields(["path", "query", "bang"])
    frame = frame.with_columns(_hosts(frame["host"]), rest.alias("parts")).unnest("parts").filter(pl.col("host") != "")
    port = pl.col("port").fill_null("")
    frame = frame.select(
        "url",
        surt=pl.concat_str(
            _reversed(pl.col("host").str.replace(r"^(?:www[0-9]*\.)+([^.]+\..)", "$1") if folding.www else pl.col("host")),
            pl.when(~port.is_in(["", "80", "443"])).then(":" + port).otherwise(pl.lit("")),
            pl.lit(")"),
            _paths(frame["path"], folding),
            _queries(frame["query"], folding),
            pl.col("bang").fill_null(""),
        ),
    )
    found = urls.to_frame("url").join(frame, on="url", how="left", maintain_order="left")
    return found.select(pl.coalesce("surt", "url")).to_series().alias(urls.name)


def _escaped(rest: pl.Series, folding: Folding) -> pl.Series:
    """Path, query and fragment with every escape, and every character that needs one, in its one form."""

    def once(some: pl.Series) -> pl.Series:
        table = {**_ESCAPES, **_RAW}
        return some.str.replace_many(list(table), list(table.values()), ascii_case_insensitive=True, leftmost=True)

    rest = beyond_ascii(rest, lambda some: pl.Series([quote(text, safe=_ASCII) for text in some], dtype=pl.String))
    return once(once(rest).str.to_lowercase()) if folding.case else once(rest)


def _reversed(host: pl.Expr) -> pl.Expr:
    """The labels of a name from the last to the first; an address is no name."""
    return pl.when(host.str.contains(r"^[0-9.]+$|^\[")).then(host).otherwise(host.str.split(".").list.reverse().list.join(","))


def _hosts(hosts: pl.Series) -> pl.Series:
    """Host names in lower case, international ones in punycode; empty where there is none."""
    hosts = hosts.fill_null("").str.to_lowercase()
    odd = hosts.filter(hosts.str.contains(r"[^0-9a-z._-]")).unique()
    plain = pl.Series([_plain_host(host) for host in odd], dtype=pl.String)
    return hosts.replace(odd, plain).str.replace_all(r"\.{2,}", ".").str.strip_chars(".").alias("host")


def _plain_host(host: str) -> str:
    """A host that holds more than letters, digits and dots: an IPv6 address, a name in another script, a broken one."""
    import idna

    if host.startswith("["):
        try:
            return f"[{IPv6Address(host[1:-1]).compressed}]"
        except AddressValueError:
            return ""
    name = unquote(host, errors="surrogateescape").lower()
    try:
        name = idna.encode(name.strip("."), uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        name = name.replace("\u3002", ".")
    return quote(name, safe="", errors="surrogateescape").lower()


def _paths(paths: pl.Series, folding: Folding) -> pl.Series:
    if folding.session_ids:
        paths = paths.str.replace_all(r"(?i);jsessionid=[^/;]*", "")
        asp = paths.str.contains(r"(?i)\.aspx")
        paths = paths.to_frame().select(pl.when(asp).then(pl.col("path").str.replace_all(_ASP, "/")).otherwise("path")).to_series()
    dotted = paths.filter(paths.str.contains(r"/\.{1,2}(?:/|$)")).unique()
    undotted = pl.Series([_without_dots(path) for path in dotted], dtype=pl.String)
    paths = paths.replace(dotted, undotted).str.replace_all(r"/{2,}", "/").str.strip_suffix("/")
    return paths.replace("", "/")


def _without_dots(path: str) -> str:
    """RFC 3986, section 5.2.4."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/".join(["", *kept, *([""] if segments[-1] in (".", "..") else [])])


def _queries(queries: pl.Series, folding: Folding) -> pl.Series:
    """Parameters that say what is read, sorted, behind a question mark; empty where there is none."""
    named = r"(?i)^(?:" + "|".join(_patterns(folding)) + r")$"
    parameters = queries.to_frame("parameter").with_row_index("row").drop_nulls().with_columns(pl.col("parameter").str.split("&"))
    parameters = parameters.explode("parameter")
    told = (pl.col("parameter") != "") & ~pl.col("parameter").str.contains(named)
    parameters = parameters.filter(told).sort("row", "parameter")
    asked = parameters.group_by("row", maintain_order=True).agg(pl.col("parameter").str.join("&"))
    rows = pl.DataFrame({"row": pl.int_range(len(queries), dtype=pl.UInt32, eager=True)})
    found = rows.join(asked, on="row", how="left", maintain_order="left")["parameter"]
    return ("?" + found).fill_null("").alias("query")


def _patterns(folding: Folding) -> Iterable[str]:
    for name in folding.tracking:
        yield re.escape(name.removesuffix("*")) + ("[^=]*" if name.endswith("*") else "") + "(?:=.*)?"
    if folding.session_ids:
        yield _SESSION
