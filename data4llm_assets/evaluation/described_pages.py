"""How often what a page says of itself is what people say of it: title, author and date of labelled pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from data4llm_assets.evaluation.extraction import words
from data4llm_assets.evaluation.labelled_pages import LabelledPage
from data4llm_assets.extracted_text.charset import decode
from data4llm_assets.extracted_text.extraction import plain_form
from data4llm_assets.extracted_text.page_metadata import of_page

_DAY = len("2024-05-01")


class Described(NamedTuple):
    """Of pages of which a field is known: how many there are, on how many we find the same, and on how many nothing."""

    field: str
    pages: int
    equal: int
    missing: int


def described(pages: Sequence[LabelledPage]) -> list[Described]:
    """One for each of title, author and date that is known of any page. Titles and authors are compared by their words, case apart;
    dates by their days."""
    found: dict[str, list[tuple[str, str | None]]] = {"title": [], "author": [], "date": []}
    for page in pages:
        ours = of_page(plain_form(decode(page.html, markup=True).text), page.url)
        for field, pairs in found.items():
            if (true := getattr(page, field)) is not None:
                pairs.append((true, getattr(ours, field)))
    return [
        Described(
            field,
            len(pairs),
            sum(ours is not None and _form(field, ours) == _form(field, true) for true, ours in pairs),
            sum(ours is None for _, ours in pairs),
        )
        for field, pairs in found.items()
        if pairs
    ]


def _form(field: str, value: str) -> list[str]:
    return [value.strip()[:_DAY]] if field == "date" else words(value)
