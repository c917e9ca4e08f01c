from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from data4llm_assets.document import DOCUMENTS, conform, text_digests
from data4llm_assets.filtered.anonymise import Email
from data4llm_assets.filtered.checks import filtered
from data4llm_assets.filtered.gopher_quality import GopherQuality
from data4llm_assets.filtered.rules import measure_now
from data4llm_assets.filtered.sift import Step, sift
from data4llm_assets.filtered.tally import Tally
from data4llm_assets.node import QUALITIES

PROSE = "There is nothing in the whole of this text that should worry anyone who reads it."


class Nothing(Email):
    """Says that it edits, and edits only every second time it is asked."""

    def edits(self, documents: pl.DataFrame) -> pl.DataFrame:
        return super().edits(documents.filter(pl.col("text").str.contains("secret").not_()))


def tallied(texts: list[str], steps: list[Step], language: Any = "en", batch: int = 1000) -> dict[str, pl.DataFrame]:
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    full = frame.with_columns(
        doc_id=pl.int_range(pl.len()).cast(pl.String), text_digest=text_digests(texts), language=pl.lit(language, pl.String)
    )
    documents = conform(full, DOCUMENTS)
    tally = Tally(steps)
    for start in range(0, len(texts), batch):
        rows = documents.slice(start, batch)
        tally.add(rows, sift(rows, steps, measure_now), measure_now)
    return tally.frames()


def broken(frames: dict[str, pl.DataFrame]) -> set[str]:
    """Columns whose bounds are broken; null passes."""
    found = set()
    for each in filtered():
        low, high = each.arguments["min_value"], each.arguments["max_value"]
        values = frames[each.frame][each.arguments["column"]].drop_nulls()
        if (low is not None and (values < low).any()) or (high is not None and (values > high).any()):
            found.add(each.arguments["column"])
    return found


def test_every_quality_is_guarded_by_something_that_refuses() -> None:
    assert {each.quality for each in filtered() if each.severity == "critical"} == set(QUALITIES)


@pytest.mark.parametrize("texts", [[], [""], ["x" * 100], [PROSE] * 100])
def test_empty_tiny_and_good_partitions_pass(texts: list[str]) -> None:
    assert broken(tallied(texts, [Step("email", Email(method="email"))])) == set()


def test_a_rule_that_wipes_out_a_language_is_refused() -> None:
    english_only = GopherQuality(method="gopher_quality", min_words=1)
    texts = [f"Dies ist Satz {number}, und er wird verworfen." for number in range(60)] + [PROSE] * 60
    frames = tallied(texts, [Step("gopher_quality", english_only)])
    assert frames["languages"].rows() == [("en", 120, 60)]
    german = tallied(texts[:60], [Step("gopher_quality", english_only)], language="de")
    assert broken(german) == {"languages_lost", "share_kept"}


def test_texts_that_are_not_words_or_not_readable_are_refused() -> None:
    assert "legible" in broken(tallied(["q8JdKx" * 20] * 60, []))
    assert "legible" in broken(tallied(["caf\ufffd au lait"] * 60, []))


def test_an_edit_that_eats_the_text_is_refused() -> None:
    short = Step("email", Email(method="email", replacements=("",)))
    assert broken(tallied(["write to somebody.somewhere@a.very.long.example.org"] * 60, [short])) == {"edited_away"}


def test_an_address_that_slipped_through_is_seen() -> None:
    leaky = Step("email", Nothing(method="email"))
    frames = tallied(["secret: me@home.org"] * 60, [leaky])
    assert broken(frames) == {"email_share"}
    only_web = Step("email", Email(method="email"), pl.col("domain") == "web")
    assert tallied(["me@home.org"], [only_web])["rules"].rows() == [("email", "edit", 0, 0, 0)]


def test_an_edit_that_is_not_done_after_one_pass_is_refused() -> None:
    class Growing(Email):
        def edits(self, documents: pl.DataFrame) -> pl.DataFrame:
            span = pl.lit([{"start": 0, "end": 0, "type": "x"}])
            return documents.select("doc_id", text=pl.col("text") + "!", spans=span)

    assert broken(tallied([PROSE], [Step("growing", Growing(method="email"))])) == {"left"}


def test_figures_do_not_depend_on_the_batches() -> None:
    texts = [PROSE, "a@b.org " * 20, "caf\ufffd", "#" * 50] * 30
    steps = [Step("gopher_quality", GopherQuality(method="gopher_quality", min_words=5)), Step("email", Email(method="email"))]
    whole, cut = tallied(texts, steps), tallied(texts, steps, batch=7)
    for name, frame in whole.items():
        assert frame.equals(cut[name]), name


def test_dropped_documents_are_counted_by_rule_and_by_limit() -> None:
    quality = GopherQuality(method="gopher_quality", min_words=5)
    steps = [Step("gopher_quality", quality), Step("email", Email(method="email"))]
    frames = tallied([PROSE, "too short", "a@b.org said that it is the best of all"], steps)
    assert frames["rules"].rows() == [("gopher_quality", "drop", 3, 1, None), ("email", "edit", 2, 1, 0)]
    assert frames["limits"].rows() == [("email", 1), ("gopher_quality.stop_words", 1), ("gopher_quality.words", 1)]
    assert frames["partition"].select("documents", "kept", "languages").rows() == [(3, 2, 1)]
