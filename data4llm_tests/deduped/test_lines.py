"""Repeated spans of sentences, as C4 takes them out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from data4llm_assets.deduped import flat
from data4llm_assets.deduped.lines import Lines
from data4llm_assets.deduped.stage import Deduped
from data4llm_assets.document import DOCUMENTS, conform, text_digest
from data4llm_assets.node import Partition, Place, Ref, Trial, View

Build = Callable[..., Any]
PLACE = Place("deduped", View((Ref("extracted_text", "documents"),), (), Ref("extracted_text", "kept")), 0, {}, {})
TEXT = "It rained. We stayed. The cat slept."


def section(**parameters: Any) -> Deduped:
    return Deduped.model_validate({"methods": [{"method": "lines", **parameters}]})


def left(shop: Any) -> dict[str, str]:
    """The texts of all edited documents that stay."""
    frames = [table for _, table in shop.read_all(Ref("deduped", "overlay"))]
    return {doc_id: text for table in frames for doc_id, text in table.select("doc_id", "text").rows()}


def test_three_sentences_that_stood_before_are_taken_out(build: Build, shard: Build) -> None:
    shop = build(
        {shard(0): [("a", TEXT)], shard(1): [("b", f"News! {TEXT.upper()} Then it cleared."), ("c", TEXT[11:])]}, section()
    )
    assert left(shop) == {"b": "News! Then it cleared."}
    assert shop.kept() == ["a", "b", "c"]
    decisions = shop.table(Ref("deduped", "decisions"), "web-0|s01")
    assert decisions.select("doc_id", "rule", "action", "value", "partner", "spans").rows() == [
        ("b", "lines.repeated", "edit", 1.0, "a", [{"start": 6, "end": 43, "type": "lines"}]),
    ]


def test_what_overlapping_spans_cover_goes_to_the_first_of_them(build: Build, shard: Build) -> None:
    shop = build({shard(0): [("a", "A. B. C."), ("b", "B. C. D. E."), ("c", "A. B. C. D. E. F.")]}, section())
    spans = shop.table(Ref("duplicates", "spans"), "web-0|s00")
    assert spans.rows() == [("c", 0, 9, "a"), ("c", 9, 15, "b")]
    assert left(shop) == {"c": "F."}


def test_of_a_text_that_repeats_itself_one_copy_stays(build: Build, shard: Build) -> None:
    shop = build({shard(0): [("a", f"{TEXT} {TEXT}\n{TEXT}\nThe end.")]}, section())
    assert left(shop) == {"a": f"{TEXT} \nThe end."}
    assert shop.table(Ref("duplicates", "spans"), "web-0|s00").rows() == [("a", 37, 110, "a")]


def test_a_line_that_has_lost_its_end_is_still_a_line(build: Build, shard: Build) -> None:
    shop = build({shard(0): [("a", "C. D. E."), ("b", "A. C. D. E.\n\nTitle\n"), ("c", "C. D.\nE.\n\nOther\n")]}, section())
    assert left(shop) == {"b": "A. \n\nTitle\n", "c": "Other\n"}


def test_with_none_kept_every_copy_goes_and_the_first_names_itself(build: Build, shard: Build) -> None:
    held = {shard(0): [("a", f"{TEXT} Once.")], shard(1): [("b", f"Twice.\n{TEXT}")]}
    shop = build(held, section(keep="none"))
    assert left(shop) == {"a": "Once.", "b": "Twice.\n"}
    spans = [row for _, table in shop.read_all(Ref("duplicates", "spans")) for row in table.rows()]
    assert spans == [("a", 0, 37, "a"), ("b", 7, 43, "a")]


def test_lines_may_be_compared_instead_of_sentences(build: Build, shard: Build) -> None:
    shop = build({shard(0): [("a", "One. Two.\nThree"), ("b", "Two.\nThree\nOne. Two.\n\nTHREE!")]}, section(unit="lines", span=2))
    assert left(shop) == {"b": "Two.\nThree\n"}


def test_a_document_with_too_few_words_left_is_dropped(build: Build, shard: Build) -> None:
    shop = build({shard(0): [("a", TEXT), ("b", f"{TEXT} The end."), ("c", TEXT)]}, section(min_words=3))
    decisions = shop.table(Ref("deduped", "decisions"), "web-0|s00").filter(pl.col("action") == "drop")
    assert decisions.select("doc_id", "rule", "value", "threshold").rows() == [
        ("b", "lines.words", 2, 3),
        ("c", "lines.words", 0, 3),
    ]
    assert shop.kept() == ["a"]


def test_texts_in_scripts_without_spaces(build: Build, shard: Build) -> None:
    shop = build(
        {shard(0): [("a", "今日は雨。猫は寝た。私も寝た。"), ("b", "昨日は晴れ。今日は雨。猫は寝た！私も寝た。以上。")]}, section()
    )
    assert left(shop) == {"b": "昨日は晴れ。以上。"}


def test_a_text_of_50_mb_within_a_quarter_of_a_gigabyte(build: Build, shard: Build) -> None:
    words = [f"{a}{b}" for a in "bcdfghjklm" for b in ("a", "e", "i", "o", "u")]
    block = "".join(f"This is about {a}, and not about {b}.\n" for a in words for b in words)
    text = block * (50_000_000 // len(block) + 1)
    shop = build({shard(0): [("a", block), ("b", f"Hello.\n{text}Good bye.")], shard(1): [("c", "")]}, section())
    assert left(shop) == {"b": "Hello.\nGood bye."}


def test_deciding_changes_no_measure() -> None:
    assert set(Lines().parameters("measure")) == {"unit", "span"}
    assert set(Lines().parameters("decide")) == {"keep", "min_words"}


def test_lines_stand_alone_in_their_step() -> None:
    with pytest.raises(ValidationError, match="lines stands alone"):
        Deduped.model_validate({"methods": [{"method": "exact"}, {"method": "lines"}]})
    nodes = section().nodes(PLACE)
    assert [node.tables for node in nodes] == [("signatures",), ("verdicts", "spans"), ("kept", "decisions", "overlay")]


class Counter:
    """A bench over a built corpus."""

    def __init__(self, shop: Any) -> None:
        self.shop = shop

    def read_all(self, ref: Ref) -> Iterator[tuple[Partition, pl.DataFrame]]:
        return iter([]) if self.shop is None else self.shop.read_all(ref)


def attempt(shop: Any, doc_id: str, text: str, **parameters: Any) -> Trial:
    row = {"doc_id": doc_id, "text": text, "snapshot": "new", "text_digest": text_digest(text)}
    return section(**parameters).trial(PLACE, conform(pl.DataFrame([row]), DOCUMENTS), Counter(shop))  # type: ignore[arg-type]


def test_a_trial_says_which_part_stands_elsewhere(build: Build, shard: Build) -> None:
    shop = build({shard(0): [("a", "Something else."), ("b", f"Before. {TEXT}")], shard(1): [("c", f"{TEXT} After.")]}, section())
    edited, words = attempt(shop, "x", f"{TEXT} New.").verdicts
    assert (edited.action, edited.value, edited.note) == ("edit", 37 / 41, "1 of 2 windows stand elsewhere, first in b")
    assert (words.action, words.value) == ("keep", 1)
    assert attempt(shop, "x", f"{TEXT} New.").text == "New."
    assert attempt(shop, "x", f"{TEXT} New.", min_words=2).verdicts[1].action == "drop"
    assert attempt(shop, "x", "One. Two. Three.").verdicts[0].note == "none of 1 windows stands elsewhere"
    assert attempt(shop, "a", "Something else.").text is None
    assert attempt(None, "x", f"{TEXT} {TEXT}").text == f"{TEXT} "
    assert attempt(None, "x", f"{TEXT} {TEXT} End.", keep="none").text == "End."


def test_golden_signatures() -> None:
    texts = pl.Series("text", [f"{TEXT} Été à Москва, 東京 2024.", "", "One. Two. Three."])
    frame = Lines().signatures(pl.DataFrame([texts.alias("text_digest"), texts]))
    assert Lines.version == "1"
    assert frame["size"].to_list() == [2, 0, 1]
    assert flat.digest(frame) == "1e3f3ac968d7bc01c4104840ebfae984"
