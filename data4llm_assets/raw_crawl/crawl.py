"""Source kind `crawl`: pages fetched from the web, landed as WARC, read like any web archive. How they are fetched: `crawling/`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from data4llm_assets.node import Delivery
from data4llm_assets.raw_crawl.address import has_credentials, request_url
from data4llm_assets.raw_crawl.archive import Archive
from data4llm_assets.raw_crawl.crawling import rights
from data4llm_assets.raw_crawl.crawling.limits import Pace, Retries, Sitemaps, Timeouts
from data4llm_assets.raw_crawl.crawling.scope import Scope
from data4llm_assets.raw_crawl.crawling.serving import Serve
from data4llm_assets.raw_crawl.reading import SourceStream
from data4llm_assets.raw_crawl.source import Bad, Found, Open, Record, Reference, Skipped, SourceSection
from data4llm_assets.raw_crawl.warc import WebArchive

_PRODUCT = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)(?:/[A-Za-z0-9._-]+)?(?: [ -~]*)?")
_ELSEWHERE = re.compile(r"(?:\.\./[A-Za-z0-9][A-Za-z0-9._-]*/)?pages-\d{2}\.warc\.gz")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FETCHING = frozenset(
    {
        "seeds", "sitemaps", "scope", "user_agent", "contact", "pace", "retries", "timeouts", "redirects", "max_pages",
        "private_addresses", "headers_env", "serve", "files", "failures",
    }
)  # fmt: skip
Wish = Literal["noai", "noindex", "nofollow", "tdm"]


class Crawl(WebArchive):
    """Pages of the web, from seeds and sitemaps within a scope, asked for politely. A page that did not change since an earlier
    snapshot lands as a revisit of it, and is a document all the same.

    What landed is never fetched again: not when code changes, and not after a kill.
    """

    model_config = ConfigDict(hide_input_in_errors=True)
    version: ClassVar[str] = "2"
    listing_only: ClassVar[frozenset[str]] = SourceSection.listing_only | _FETCHING
    fetches: ClassVar[bool] = True
    kind: Literal["crawl"]
    path: str = Field("", description="folder where pages land, a folder in it for each snapshot; empty: in the store")
    include: tuple[str, ...] = Field(("pages-*.warc.gz",), description="globs over what landed; what is no page lies elsewhere")
    max_bytes: int = Field(
        10_000_000,
        ge=1,
        description="bytes of a response, as sent and as decoded; a larger one is dropped, since half a page is none",
    )
    seeds: tuple[str, ...] = Field(min_length=1, description="URLs to begin with, http or https, without credentials")
    sitemaps: Sitemaps = Field(Sitemaps(), description="lists of pages that sites offer")
    scope: Scope = Field(Scope(), description="which of the URLs that are found are fetched")
    user_agent: str = Field("data4llm", description="product, as in `name` or `name/1.0`: robots.txt is read for `name`")
    contact: str | None = Field(
        None, description="URL or e-mail address that sites are told, for complaints; required unless all of them are your own"
    )
    honour: tuple[Wish, ...] = Field(
        ("noai", "nofollow", "tdm"),
        description="wishes of pages that count: noai, noindex and tdm keep a page out of the corpus, nofollow its links; "
        "what a page wishes is recorded in any case, and robots.txt always counts",
    )
    pace: Pace = Field(Pace(), description="how fast hosts are asked")
    retries: Retries = Field(Retries(), description="what happens when a server does not answer")
    timeouts: Timeouts = Field(Timeouts(), description="when a server is given up")
    redirects: int = Field(
        5, ge=0, description="redirects from one URL on; each hop is held against scope, robots.txt and addresses"
    )
    max_pages: int = Field(10_000, ge=1, description="pages that land at most")
    private_addresses: Literal["refuse", "allow"] = Field(
        "refuse", description="whether hosts may lie in private, loopback, link-local or reserved networks"
    )
    headers_env: dict[str, str] = Field(
        {},
        description="headers by name, and the environment variables that hold their values: sent to hosts in scope, kept nowhere",
    )
    serve: Serve | None = Field(None, description="a program that serves one host for the crawl alone")
    files: int = Field(16, ge=1, le=99, description="WARC files per snapshot; a page stays in the file of the same name")
    failures: float = Field(
        0.1, ge=0, le=1, description="largest share of URLs that may fail; above it nothing is frozen, and the next try goes on"
    )

    @field_validator("seeds")
    @classmethod
    def _can_be_asked_for(cls, seeds: tuple[str, ...]) -> tuple[str, ...]:
        # No message quotes a seed: it may hold a password.
        for number, seed in enumerate(seeds, start=1):
            if has_credentials(seed):
                msg = f"seed {number} holds credentials: take them out of the URL, and name a variable under `headers_env` instead"
                raise ValueError(msg)
            if request_url(seed) is None:
                msg = f"seed {number} is no http or https URL with a host"
                raise ValueError(msg)
        return seeds

    @field_validator("user_agent")
    @classmethod
    def _names_a_product(cls, user_agent: str) -> str:
        if _PRODUCT.fullmatch(user_agent) is None:
            msg = "a user agent begins with the name of a product, as in `name` or `name/1.0`"
            raise ValueError(msg)
        return user_agent

    @field_validator("contact")
    @classmethod
    def _is_printable(cls, contact: str | None) -> str | None:
        if contact is not None and re.fullmatch(r"[!-~]+", contact) is None:
            msg = "a contact is a URL or an e-mail address"
            raise ValueError(msg)
        return contact

    @field_validator("headers_env")
    @classmethod
    def _name_headers_and_variables(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, variable in headers.items():
            if _TOKEN.fullmatch(name) is None or name.lower() in ("host", "user-agent", "connection", "content-length"):
                msg = "a header is named as in `Authorization: SITE_AUTHORIZATION`, and is none that every request has"
                raise ValueError(msg)
            if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable) is None:
                msg = f"{name} wants the name of an environment variable that holds its value, not the value itself"
                raise ValueError(msg)
        return headers

    @model_validator(mode="after")
    def _says_who_asks(self) -> Crawl:
        own = {f"http://{self.serve.host}"} if self.serve is not None else set()
        foreign = any("/".join((request_url(seed) or "").split("/")[:3]) not in own for seed in self.seeds)
        if foreign and self.private_addresses == "refuse" and self.contact is None:
            msg = "`contact` is missing: a URL or an e-mail address by which those who run the sites can reach you"
            raise ValueError(msg)
        return self

    @property
    def robot(self) -> str:
        """The product that robots.txt knows this crawler by."""
        return self.user_agent.partition("/")[0].partition(" ")[0]

    def land(self, delivery: Delivery) -> None:
        """Fetch what a snapshot lacks. Raises LandingFailed, and what has landed stays."""
        from data4llm_assets.raw_crawl.crawling.landing import land

        land(self, delivery)

    def records(self, stream: BinaryIO, path: str) -> Iterator[Found | Reference]:
        """Every page of a file; a revisit is a reference to where its payload lies."""
        for found in super().records(stream, path):
            yield self._honoured(found) if isinstance(found, Record) else found

    def resolve(self, found: Reference, open_file: Open) -> Found:
        """The page that a revisit stands for, as this snapshot's own: its payload is the earlier one's, digest and all."""
        original = self.original(found, open_file)
        if not isinstance(original, Record):
            return original
        meta = {key: value for key, value in original.meta.items() if key in ("charset", "truncated")} | dict(found.meta)
        return self._honoured(
            original._replace(
                url=found.url, fetched_at=found.fetched_at, locator=found.locator, license=self._license(meta), meta=meta
            )
        )

    def original(self, reference: Reference, open_file: Open) -> Record | Bad:
        """The record that a revisit refers to, verified: it must be the one with the digest that the revisit names."""
        missing = Bad("raw_crawl.revisit", "the earlier page that this record refers to is not there", reference.locator)
        altered = missing._replace(reason="the earlier page that this record refers to is not what it was")
        if _ELSEWHERE.fullmatch(reference.path) is None or reference.offset < 0:
            return missing._replace(reason="the record refers to no page of this source")
        try:
            with open_file(reference.path) as opened:
                opened.seek(reference.offset)
                archive = Archive(SourceStream(opened))  # type: ignore[arg-type]
                record = next(archive.read(), None)
                if record is None or record.headers.get("WARC-Payload-Digest") != reference.payload_digest:
                    return altered
                found = archive.guarded(super()._found, record)
        except FileNotFoundError:
            return missing
        return found if isinstance(found, Record) else altered

    def _found(self, record: Any) -> Found | Reference:
        headers = record.headers
        where, offset = headers.get("WARC-Refers-To-Filename"), headers.get("WARC-Refers-To-File-Offset") or ""
        if headers.get("WARC-Type") != "revisit" or not where or not offset.isdecimal():
            return super()._found(record)
        passed = self._passed_over(record, "revisit")
        digest, url = headers.get("WARC-Payload-Digest") or "", headers.get("WARC-Target-URI") or ""
        date, meta = headers.get("WARC-Date"), rights.meta_of(headers)
        return Reference(where, int(offset), digest, url, date, "", meta) if isinstance(passed, Skipped) else passed

    def _response(self, record: Any, body: bytes, said: str, verified: bool) -> Found:
        found = super()._response(record, body, said, verified)
        if not isinstance(found, Record):
            return found
        meta = {**found.meta, **rights.meta_of(record.headers)}
        return found._replace(meta=meta, license=self._license(meta))

    def _license(self, meta: dict[str, str]) -> str | None:
        return rights.spdx(meta["license_url"]) if "license_url" in meta else self.license

    def _honoured(self, found: Record) -> Found:
        wish = rights.reserved(found.meta, self.honour)
        return Skipped(f"reserved: {wish}") if wish is not None else found
