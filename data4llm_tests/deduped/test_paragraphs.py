"""Repeated lines of text, as CCNet takes them out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from data4llm_assets.deduped import flat
from data4llm_assets.deduped.paragraphs import Paragraphs
from data4llm_assets.deduped.stage import Deduped
from data4llm_assets.node import Ref

Build = Callable[..., Any]


def section(**parameters: Any) -> Deduped:
    return Deduped.model_validate({"methods": [{"method": "paragraphs", **parameters}]})


def left(shop: Any) -> dict[str, str]:
    """The texts of all edited documents that stay."""
    frames = [table for _, table in shop.read_all(Ref("deduped", "overlay"))]
    return {doc_id: text for table in frames for doc_id, text in table.select("doc_id", "text").rows()}


def test_a_line_that_stood_before_goes_with_what_parts_it_from_the_next(build: Build, shard: Build) -> None:
    held = {
        shard(0): [("a", "Home | About\n\nA story.\n\nCopyright 1999")],
        shard(1): [("b", "HOME | ABOUT!\n---\nAnother story.\n\n(Copyright 2024)\n"), ("c", "Copyright\n1999")],
    }
    shop = build(held, section())
    assert left(shop) == {"b": "Another story.\n\n"}
    assert shop.kept() == ["a", "b", "c"]


def test_an_earlier_source_keeps_its_lines(build: Build, shard: Build) -> None:
    shop = build({shard(0, "web-0", 1): [("a", "One.\nTwo.")], shard(0, "books-0", 0): [("z", "Two.\nThree.")]}, section())
    assert left(shop) == {"a": "One.\n"}


def test_a_document_that_holds_nothing_else_is_dropped_and_an_empty_one_is_not(build: Build, shard: Build) -> None:
    shop = build({shard(0): [("a", "word"), ("b", "Word!"), ("c", ""), ("d", " \n-\n")]}, section())
    assert shop.kept() == ["a", "c", "d"]
    dropped = shop.table(Ref("deduped", "decisions"), "web-0|s00").filter(pl.col("action") == "drop")
    assert dropped.select("doc_id", "rule").rows() == [("b", "paragraphs.words")]


def test_short_lines_may_stay(build: Build, shard: Build) -> None:
    held = {shard(0): [("a", "See also\nA line of five words.\n"), ("b", "See also\nA line of five words.\nSee also\n")]}
    assert left(build(held, section(min_unit_words=3))) == {"b": "See also\nSee also\n"}


def test_promises_are_kept_by_the_default(build: Build, shard: Build) -> None:
    assert Paragraphs.promises == (True, "refold", True)
    assert Paragraphs().keep == "first"
    shop = build({shard(0): [("a", "One.\nTwo."), ("b", "Two.\nThree.")], shard(1): [("c", "Three.\nOne.\nFour.")]}, section())
    partners = {row["partner"] for _, table in shop.read_all(Ref("duplicates", "spans")) for row in table.rows(named=True)}
    assert partners == {"a", "b"}
    assert partners <= set(shop.kept())


def test_deciding_changes_no_measure() -> None:
    assert set(Paragraphs().parameters("measure")) == {"min_unit_words"}


def test_golden_signatures() -> None:
    texts = pl.Series("text", ["It rained.\nÉté à Москва,\n東京 2024.", "", "One.\n"])
    frame = Paragraphs().signatures(pl.DataFrame([texts.alias("text_digest"), texts]))
    assert Paragraphs.version == "1"
    assert frame["size"].to_list() == [3, 0, 1]
    assert flat.digest(frame) == "fc97b5b47ac589a71466d444a620d998"
