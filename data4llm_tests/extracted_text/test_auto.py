from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import ValidationError

from data4llm_assets.extracted_text.auto import DOUBTS, TOGETHER, Auto, doubts
from data4llm_assets.extracted_text.blocks import Blocks
from data4llm_assets.extracted_text.dom.features import features
from data4llm_assets.extracted_text.dom.tree import Tree, parse
from data4llm_assets.extracted_text.extraction import Refused
from data4llm_assets.extracted_text.page_types import PAGE_TYPES, PageType
from data4llm_assets.extracted_text.trafilatura import Trafilatura
from data4llm_assets.extracted_text.web_page import Page
from extracted_text.extracted_records import extracted, record
from extracted_text.own_models import short_blocks
from extracted_text.pages_of_kinds import ARTICLE, FORUM, PARAGRAPHS, PRODUCT

ASKING = Auto(confidence=1, second_opinion=PAGE_TYPES)
"""Never sure enough of any page."""
SENTENCE = "The quick brown fox jumps over the lazy dog, and the dog does not mind it in the least."


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the other engine must not be asked."""

    def asked(*_: Any) -> Page:
        raise AssertionError

    monkeypatch.setattr(Trafilatura, "page", asked)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "method", [ASKING.model_copy(update={"confidence": 0.0}), ASKING.model_copy(update={"second_opinion": ()})]
)
@pytest.mark.parametrize("page", [ARTICLE, FORUM, PRODUCT])
def test_blocks_decides_alone_where_it_is_sure_enough_and_on_other_types_of_page(method: Auto, page: str) -> None:
    found = extracted(method, page)
    assert found.meta["engine"] == "blocks"
    assert found.text == extracted(Blocks(), page).text


@pytest.mark.parametrize("page", [ARTICLE, FORUM, PRODUCT])
def test_the_other_engine_is_asked_where_it_is_not(page: str) -> None:
    found = extracted(ASKING, page)
    assert found.meta["engine"] == TOGETHER == "blocks+trafilatura"
    assert DOUBTS not in found.meta


def test_the_type_of_a_page_decides_whether_another_is_asked() -> None:
    (page_type,) = {extracted(Auto(), ARTICLE).meta["page_type"]}
    asking, passing = (Auto(confidence=1, second_opinion=types) for types in ((page_type,), set(PAGE_TYPES) - {page_type}))
    assert extracted(asking, ARTICLE).meta["engine"] == TOGETHER
    assert extracted(passing, ARTICLE).meta["engine"] == "blocks"


def test_a_page_s_type_is_told() -> None:
    assert extracted(Auto(), ARTICLE).meta["page_type"] == "article"
    assert all(extracted(Auto(), page).meta["page_type"] in PAGE_TYPES for page in (FORUM, PRODUCT, "<p>x"))
    assert get_args(PageType) == PAGE_TYPES


@pytest.mark.parametrize("other", [Refused("extracted_text.max_depth", "too deep"), Page(""), Page(" \n")])
def test_blocks_has_the_last_word_where_the_other_engine_has_none(other: Page | Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trafilatura, "page", lambda *_: other)
    found = extracted(ASKING, ARTICLE)
    assert found.meta["engine"] == "blocks"
    assert found.text == extracted(Blocks(), ARTICLE).text


def test_what_the_other_engine_took_is_the_text_where_what_both_take_passes_no_check(tmp_path: Path) -> None:
    page = f"<p>{PARAGRAPHS[0]}</p><p>A short one.</p><p>{PARAGRAPHS[1]}</p>"
    found = extracted(Auto(model=short_blocks(tmp_path / "a.model"), confidence=0), page)
    assert found.meta["engine"] == "trafilatura"
    assert DOUBTS not in found.meta
    assert set(PARAGRAPHS[:2]) <= set(found.text.split("\n\n"))


def test_a_text_that_passes_no_check_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trafilatura, "page", lambda *_: Page("A short one."))
    page = f"<p>{PARAGRAPHS[0]}</p><p>A short one.</p><p>{PARAGRAPHS[1]}</p>"
    found = extracted(Auto(model=short_blocks(tmp_path / "a.model"), confidence=0), page)
    assert (found.text, found.meta["engine"], found.meta[DOUBTS]) == ("A short one.", TOGETHER, "short")


@pytest.mark.usefixtures("alone")
def test_a_page_of_links_is_told_of_and_nobody_else_is_asked(tmp_path: Path) -> None:
    page = "<ul>" + "<li><a href=x>One of them</a>" * 9 + "</ul>"
    found = extracted(Auto(model=short_blocks(tmp_path / "a.model"), confidence=0), page)
    assert found.text.count("One of them") == 9
    assert (found.meta["engine"], found.meta[DOUBTS]) == ("blocks", "links")


@pytest.mark.parametrize(
    ("page", "kept", "expected"),
    [
        (f"<p>{SENTENCE * 2}</p><p>Two words</p>", [True, False], ()),
        (f"<p>{SENTENCE * 2}</p><p>Two words</p>", [False, True], ("short",)),
        # Where nothing is running text, or hardly any, short is no fault.
        ("<p>Two words</p><p>Three more here</p>", [True, False], ()),
        (f"<p>{SENTENCE}</p><p>Two words</p>", [False, True], ()),
        # Of a long page a few words are too few, even if they were enough of a short one.
        (f"<p>{'word ' * 30}</p><p>{'word ' * 3_000}</p>", [True, False], ("short",)),
        (f"<p>{'word ' * 80}</p><p>{'word ' * 3_000}</p>", [True, False], ()),
        ("<p>one <a>two three</a></p><p>one two</p>", [True, False], ("links",)),
        ("<p>one <a>two three</a></p><p>one two</p>", [True, True], ()),
        ("<p>share subscribe now</p><p>cats and dogs</p>", [True, False], ("boilerplate",)),
        ("<p>share now</p><p>cats and dogs of all kinds</p>", [True, True], ()),
        (f"<p>{SENTENCE * 2}</p>", [False], ("short",)),
        (f"<p>{SENTENCE * 2}</p><p><a>share subscribe</a></p>", [False, True], ("short", "links", "boilerplate")),
        ("", [], ()),
    ],
)
def test_checks_of_a_selection(page: str, kept: list[bool], expected: tuple[str, ...]) -> None:
    tree = parse(page)
    assert isinstance(tree, Tree)
    assert doubts(features(tree), np.array(kept, np.bool_)) == expected


def test_a_version_is_also_that_of_the_engine_it_asks() -> None:
    assert Trafilatura.version in Auto.version
    assert set(Trafilatura.uses) <= set(Auto.uses)


def test_parameters_have_limits() -> None:
    for wrong in ({"confidence": 1.1}, {"confidence": -0.1}, {"second_opinion": ["blog"]}, {"mode": "fast"}):
        with pytest.raises(ValidationError):
            Auto.model_validate(wrong)


def test_what_a_page_may_need_is_there_before_the_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = []
    monkeypatch.setattr(Trafilatura, "prepare", lambda method: prepared.append(method.method))
    Auto(confidence=0).prepare()
    assert prepared == ["trafilatura"]


def test_parts_are_judged_by_whoever_decided() -> None:
    one, other = (method.judged(ARTICLE.encode(), record(b"")) for method in (Auto(confidence=0), ASKING))
    assert one == Blocks().judged(ARTICLE.encode(), record(b""))
    assert [part.text for part in one] == [part.text for part in other]
    assert [part.score for part in one] != [part.score for part in other]
