from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from data4llm_assets.report.columns import mapping

LONG = "words and words and words " * 20


def rows(**columns: Any) -> list[dict[str, Any]]:
    """Five rows; a function is called with the row's number."""
    return [{name: value(number) if callable(value) else value for name, value in columns.items()} for number in range(5)]


def guessed(*args: list[dict[str, Any]]) -> dict[str, str]:
    found = mapping(*args)
    assert found is not None
    return {role: guess.column for role, guess in found.fields.items()}


def test_the_longest_string_column_is_the_text() -> None:
    assert guessed(rows(a="short", b=LONG, c=7)) == {"text": "b"}


def test_a_column_called_text_is_believed_if_it_is_not_much_shorter() -> None:
    assert guessed(rows(text=LONG, html=LONG * 3))["text"] == "text"
    assert guessed(rows(text="short", story=LONG))["text"] == "story"


def test_addresses_are_no_text() -> None:
    assert guessed(rows(link=lambda n: f"https://a.org/{n}/" + "x" * 500, note="A short note.")) == {"text": "note", "url": "link"}
    assert mapping(rows(link="https://a.org/")) is None


def test_without_strings_there_is_no_text() -> None:
    assert mapping(rows(a=1, b=[1, 2])) is None
    assert mapping([]) is None


@pytest.mark.parametrize(
    ("column", "value", "role"),
    [
        ("id", lambda n: f"d{n}", "id"),
        ("doc-id", lambda n: n, "id"),
        ("URL", lambda n: f"https://a.org/{n}", "url"),
        ("anything", lambda n: f"http://a.org/{n}", "url"),
        ("headline", "News", "title"),
        ("lang", "en", "language"),
        ("licence", "MIT", "license"),
        ("timestamp", "2026-11-23T10:00:00Z", "fetched_at"),
        ("date", datetime(2026, 11, 23), "fetched_at"),
    ],
)
def test_a_column_is_known_by_its_name_and_its_values(column: str, value: Any, role: str) -> None:
    assert guessed(rows(text=LONG, **{column: value})) == {"text": "text", role: column}


@pytest.mark.parametrize(
    ("column", "value"), [("id", "same"), ("url", "no address"), ("language", "Python"), ("date", "yesterday"), ("title", 7)]
)
def test_a_name_whose_values_do_not_fit_is_not_believed(column: str, value: Any) -> None:
    assert guessed(rows(text=LONG, **{column: value})) == {"text": "text"}


def test_short_columns_could_be_kept_and_long_or_nested_ones_not() -> None:
    found = mapping(rows(text=LONG, score=0.5, subset="a", nested={"a": 1}, other=LONG))
    assert found is not None
    assert found.further == ("score", "subset")


def test_pages_in_a_column_are_html() -> None:
    found = mapping(rows(raw=f"<!DOCTYPE html><html><body>{LONG}</body></html>"))
    assert found is not None
    assert found.media_type is not None
    assert found.media_type.column == "text/html"
