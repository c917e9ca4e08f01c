"""Repeated substrings, from texts to what is left of them."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.corpus import Corpus
from data4llm_assets.deduped.budget import NotEnoughMemory
from data4llm_assets.deduped.stage import Deduped
from data4llm_assets.deduped.substring import Substring
from data4llm_assets.models.tokenizer import FileTokenizer, SmolLM2Tokenizer
from data4llm_assets.node import Partition, Ref
from deduped.conftest import PLACE, Shop, documents, partition

GPT2 = Path(__file__).with_name("gpt2_part.json")


def section(scope: Any = "corpus", **parameters: Any) -> Deduped:
    return Deduped(methods=(Substring(**{"min_words": 0, **parameters}),), scope=scope)


def run(held: dict[Partition, list[tuple[str, ...]]], config: Deduped, **options: Any) -> Shop:
    return Shop({some: documents(rows) for some, rows in held.items()}, **options).run(config)


def texts(shop: Shop) -> dict[str, str]:
    """What stands after the step."""
    left = {}
    for some in shop.partitions:
        stood = dict(shop.held[some].select("doc_id", "text").iter_rows())
        edits = dict(shop.table(Ref("deduped", "overlay"), some.key).select("doc_id", "text").iter_rows())
        left.update({doc_id: edits.get(doc_id, stood[doc_id]) for doc_id in shop.table(Ref("deduped", "kept"), some.key)["doc_id"]})
    return left


def spans(shop: Shop) -> list[tuple[Any, ...]]:
    return [row for _, table in shop.read_all(Ref("duplicates", "spans")) for row in table.rows()]


def left(held: list[str], **parameters: Any) -> list[str]:
    rows = [(f"{row:03}", text) for row, text in enumerate(held)]
    return list(texts(run({partition(0): rows}, section(**parameters))).values())


def left_by_hand(held: list[str], length: int, keep: str) -> list[str]:
    """Over bytes, quadratic."""
    content = [text.encode() for text in held]
    places = [(row, start) for row, text in enumerate(content) for start in range(len(text) - length + 1)]
    gone: set[tuple[int, int]] = set()
    for number, (row, start) in enumerate(places):
        others = places if keep == "none" else places[:number]
        window = content[row][start : start + length]
        if any(content[one][at : at + length] == window for one, at in others if (one, at) != (row, start)):
            gone |= {(row, place) for place in range(start, start + length)}
    result = []
    for row, text in enumerate(held):
        begin, kept = 0, ""
        for character in text:
            end = begin + len(character.encode())
            kept += "" if {(row, place) for place in range(begin, end)} <= gone else character
            begin = end
        result.append(kept)
    return result


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text("aé", max_size=25), max_size=5), st.integers(1, 9), st.sampled_from(["first", "none"]))
def test_all_windows_that_occur_twice_are_taken_out(held: list[str], length: int, keep: str) -> None:
    assert left(held, length=length, keep=keep) == left_by_hand(held, length, keep)


def test_the_example_of_the_reference_needs_two_runs() -> None:
    once = left(["eabcdfgh", "efabcdgh"], length=4, keep="none")
    assert once == ["efgh", "efgh"]
    assert left(once, length=4, keep="none") == ["", ""]
    assert left(once, length=4) == ["efgh", ""]


def test_spans_name_the_document_of_the_first_copy() -> None:
    shop = run({partition(0): [("a", "one two"), ("b", "three"), ("c", "one two three")]}, section(length=4))
    assert spans(shop) == [("c", 0, 7, "a"), ("c", 8, 13, "b")]
    assert texts(shop) == {"a": "one two", "b": "three", "c": " "}
    decisions = shop.table(Ref("deduped", "decisions"), partition(0).key)
    assert decisions.select("doc_id", "rule", "action", "partner").rows() == [
        ("c", "substring.repeated", "edit", "a"),
        ("c", "substring.repeated", "edit", "b"),
    ]


def test_overlapping_copies_of_two_documents_make_disjoint_spans() -> None:
    shop = run({partition(0): [("a", "12345"), ("b", "45678"), ("c", "12345678")]}, section(length=4))
    assert spans(shop) == [("c", 0, 5, "a"), ("c", 5, 8, "b")]


def test_a_partner_may_be_the_document_itself() -> None:
    shop = run({partition(0): [("a", "12345-12345")]}, section(length=5, keep="none"))
    assert spans(shop) == [("a", 0, 5, "a"), ("a", 6, 11, "a")]


def test_empty_short_and_identical_documents() -> None:
    assert left(["", "word", "word", "a text", "a text", ""], length=5) == ["", "word", "word", "a text", "", ""]
    held = {partition(0): [("a", "some words"), ("b", "some words")]}
    assert run(held, section(length=5, min_words=1)).kept() == ["a"]


def test_a_text_is_not_repeated_by_the_end_of_one_and_the_beginning_of_the_next() -> None:
    assert left(["abc", "def", "abcdef"], length=6) == ["abc", "def", "abcdef"]


def test_published_lengths() -> None:
    assert (Substring().symbols, Substring(unit="tokens").symbols, Substring(length=7).symbols) == (100, 50, 7)
    text = "x" + "0123456789" * 9
    assert left([text, text + "y" * 8], length=None) == ["x0123456789" + "0123456789" * 8, text + "y" * 8]
    assert left([text + "y" * 9, text + "y" * 9], length=None)[1] == ""


CORPUS = {
    "a": "first of all, this sentence stands in two documents",
    "b": "in another one, this sentence stands in two documents, too",
    "c": "first of all, something else; in another one, this sentence",
    "d": "äöü äöü äöü äöü äöü äöü",
}


@pytest.mark.parametrize("unit", ["bytes", "tokens"])
@pytest.mark.parametrize("keep", ["first", "none"])
def test_any_shards_batches_and_memory_give_the_same(unit: str, keep: str) -> None:
    config = section(unit=unit, keep=keep, length=12 if unit == "bytes" else 4)
    place = replace(PLACE, tokenizer=SmolLM2Tokenizer())
    rows = list(CORPUS.items())
    whole = texts(run({partition(0): rows}, config, place=place, memory=1 << 30))
    assert whole != CORPUS
    for shop in (
        run({partition(0, "web-0"): rows[2:], partition(0, "web-1"): rows[:2]}, config, place=place, batch=1),
        run({partition(0, "web-1"): rows[::2], partition(0, "web-0"): rows[1::2]}, config, place=place, memory=17_000_000),
    ):
        assert texts(shop) == whole


def test_a_scratch_file_gives_the_same_as_memory() -> None:
    text = "".join(chr(97 + (place * place) % 26) for place in range(3000)) + "é" * 100
    held: dict[Partition, list[tuple[str, ...]]] = {partition(0): [(f"{row:05}", f"{row * row}{text}{row}") for row in range(1500)]}
    small, large = (run(held, section(length=40), memory=memory) for memory in (17_000_000, 1 << 30))
    assert (small.scratched, large.scratched) == (2, 0)
    assert spans(small) == spans(large) != []


def test_a_new_snapshot_changes_no_earlier_verdict_and_may_be_taken_away() -> None:
    first, second = [("a", "one two three")], [("b", "three and one two")]
    before = run({partition(0): first}, section(length=5))
    both = run({partition(0): first, partition(1): second}, section(length=5))
    assert texts(before)["a"] == texts(both)["a"] == "one two three"
    assert texts(both)["b"] == " and "
    assert texts(run({partition(1): second}, section(length=5)))["b"] == "three and one two"


@pytest.mark.parametrize(
    ("scope", "other", "same"), [("corpus", "", ""), ("snapshot", "one two", ""), ("shard", "one two", "one two")]
)
def test_scopes(scope: str, other: str, same: str) -> None:
    held: dict[Partition, list[tuple[str, ...]]] = {
        partition(0, "web-0"): [("a", "one two")],
        partition(0, "web-1"): [("b", "one two")],
        partition(1, "web-0"): [("c", "one two")],
    }
    assert texts(run(held, section(scope, length=5))) == {"a": "one two", "b": same, "c": other}


def test_scopes_that_did_not_change_are_remembered() -> None:
    first, second = partition(0), partition(1)
    shop = run({first: [("a", "one one two")]}, section("snapshot", length=4))
    grown = run({first: [("a", "one one two")], second: [("b", "one")]}, section("snapshot", length=4), remembered=shop.remembered)
    assert (shop.computed, grown.computed) == (["spans"], ["spans"])
    assert texts(grown) == {"a": "one two", "b": "one"}


def test_the_counts_that_checks_look_at() -> None:
    shop = run({partition(0): [("a", "one two"), ("b", "one two"), ("c", "three")]}, section(length=5))
    totals = shop.metrics["duplicates", "partition", ""].row(0, named=True)
    assert [totals[name] for name in ("documents", "dropped", "edited", "bytes", "removed")] == [3, 0, 1, 19, 7]


def test_too_little_memory_is_said_before_anything_is_read() -> None:
    shop = Shop({partition(0): documents([("a", "x" * 4_000_000)])}, memory=1 << 24)
    with pytest.raises(NotEnoughMemory, match=r"finding repeated substrings needs 49 MB, and the recipe's compute.memory is 16 MB"):
        shop.run(section())
    assert shop.fetched == 0


@dataclass
class Full(Shop):
    """A shop whose disk is full."""

    def scratch(self) -> AbstractContextManager[BinaryIO]:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(("unit", "what"), [("bytes", "the texts"), ("tokens", "the token ids")])
def test_a_full_disk_is_named_and_nothing_is_published(unit: str, what: str) -> None:
    rows = [(f"{row}", f"{row} words " * 40_000) for row in range(20)]
    shop = Full({partition(0): documents(rows)}, memory=20_000_000, place=replace(PLACE, tokenizer=SmolLM2Tokenizer()))
    with pytest.raises(OSError, match=rf"cannot write {what} .* to the system's temporary folder: No space left") as raised:
        shop.run(section(unit=unit))
    assert raised.value.errno == errno.ENOSPC
    assert not [key for key in shop.tables if key[0] != "signatures"]


# Tokens


def test_tokens_count_and_characters_stay_whole() -> None:
    place = replace(PLACE, tokenizer=SmolLM2Tokenizer())
    held = {partition(0): [("a", "The cat sat on the mat."), ("b", "A dog sat on the mat too."), ("c", "🙂🙂🙂🙂🙂🙂")]}
    shop = run(held, section(unit="tokens", length=4), place=place)
    assert texts(shop)["b"] == "A dog too."
    assert spans(run(held, section(unit="tokens", length=5), place=place)) == [span for span in spans(shop) if span[0] == "c"]
    assert set(texts(shop)["c"]) == {"🙂"}


def test_characters_that_the_tokenizer_leaves_out_go_with_the_token_before() -> None:
    place = replace(PLACE, tokenizer=SmolLM2Tokenizer())
    held: dict[Partition, list[tuple[str, ...]]] = {
        partition(0): [("a", "The cat sat on the mat."), ("b", "\x04Dogs\x04 sat\x04 on the\x13 mat\x04\x04 too.\x04")]
    }
    shop = run(held, section(unit="tokens", length=4), place=place)
    assert texts(shop)["b"] == "\x04Dogs\x04 too.\x04"


def test_tokenizers_that_do_not_spell_their_texts_are_refused(tmp_path: Path) -> None:
    content = json.loads(GPT2.read_text())
    content["normalizer"] = {"type": "Lowercase"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    place = replace(PLACE, tokenizer=FileTokenizer(path=str(tmp_path / "tokenizer.json")))
    with pytest.raises(ValueError, match=r"the tokens of .* do not spell the bytes of the texts"):
        run({partition(0): [("a", "Some Words " * 9)]}, section(unit="tokens", length=3), place=place)


def test_the_tokenizer_belongs_to_the_fingerprint_of_token_counts_alone() -> None:
    places = [replace(PLACE, tokenizer=tokenizer) for tokenizer in (SmolLM2Tokenizer(), FileTokenizer(path=str(GPT2)))]
    for unit, distinct in (("tokens", 2), ("bytes", 1)):
        made = [section(unit=unit).nodes(place)[1].methods[0].identity() for place in places]
        assert len({json.dumps(identity, sort_keys=True) for identity in made}) == distinct


def test_what_datatrove_leaves_of_its_example(evaluation_data: Path) -> None:
    example = json.loads((evaluation_data / "filter-vectors" / "datatrove.json").read_text())["exact_substring_example"]
    rows: list[tuple[str, ...]] = [(f"{row:02}", text) for row, text in enumerate(example["documents"])]
    place = replace(PLACE, tokenizer=FileTokenizer(path=str(GPT2)))
    shop = run({partition(0): rows}, section(unit="tokens", length=10, keep="none"), place=place)
    assert texts(shop) == {f"{int(row):02}": text for row, text in example["expected_text_after_removal"].items()}


def test_a_document_of_fifty_megabytes(build: Callable[..., Shop]) -> None:
    shop = run({partition(0): [("a", "ab" * 25_000_000), ("b", "b" + "ab" * 60)]}, section(), memory=1 << 29)
    assert texts(shop) == {"a": "ab", "b": ""}


@pytest.mark.parametrize("unit", ["bytes", "tokens"])
def test_through_the_engine(tmp_path: Path, unit: str) -> None:
    sentence = "A sentence that stands in all of the documents, word for word, and is longer than it has to be."
    lines = [json.dumps({"text": f"Document {row} begins. {sentence} It ends with {row * row}."}) for row in range(40)]
    (tmp_path / "texts.jsonl").write_text("\n".join(lines))
    steps = ("extracted_text", "deduped")
    recipe = {
        "corpus": "repeats",
        "sources": {"web": {"kind": "jsonl", "path": str(tmp_path / "texts.jsonl"), "domain": "web"}},
        "steps": [
            {"stage": "raw_crawl"},
            {"stage": "extracted_text"},
            {"stage": "deduped", "methods": [{"method": "substring", "unit": unit, "length": 20}]},
        ],
        "retention": {step: {"min": 0.0, "max": 1.0} for step in steps},
        "compute": {"memory": "20MB"},
    }
    corpus = Corpus(recipe, tmp_path / "store")
    report = corpus.build()
    assert report.ok, [done.error for done in report.failures]
    kept = corpus.read("deduped")["text"].to_list()
    assert len(kept) == 40
    assert sum(sentence in text for text in kept) == 1
    assert corpus.decisions("deduped")["rule"].unique().to_list() == ["substring.repeated"]


def test_golden_spans() -> None:
    shop = run({partition(0): list(CORPUS.items())}, section(length=12))
    assert Substring.version == "1"
    assert spans(shop) == [
        ("b", 14, 53, "a"),
        ("c", 0, 14, "a"),
        ("c", 30, 55, "b"),
        ("c", 55, 59, "a"),
        ("d", 7, 41, "d"),
    ]
