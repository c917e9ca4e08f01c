"""The inputs of the benchmarks are the same on every machine, and hold the copies that they say they hold."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import polars as pl
import pytest

from benchmarks.environments import Unavailable, environment, peers
from benchmarks.inputs import debian_pages
from benchmarks.inputs.cached import cached
from benchmarks.inputs.debian_pages import Page, Unpacked, _write
from benchmarks.inputs.lengths import lengths
from benchmarks.inputs.synthetic import synthetic
from benchmarks.inputs.web_texts import web_texts

PAGES = [" ".join(f"word{(page * 7 + place * place) % 997}" + "." * (place % 9 == 0) for place in range(900)) for page in range(12)]


def test_an_input_is_made_once_for_each_key(tmp_path: Path) -> None:
    def make(path: Path) -> dict[str, int]:
        made.append(path.name)
        path.write_text("text")
        return {"lines": 1}

    made: list[str] = []
    for version in ("1", "1", "2"):
        assert cached(tmp_path / "input.txt.gz", {"version": version}, make)["lines"] == 1
    assert len(made) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["input.json", "input.txt.gz"]


def test_pages_are_response_records_whose_digests_hold(tmp_path: Path) -> None:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    (tmp_path / "page.html").write_bytes("<p>Grüße</p>".encode())
    (tmp_path / "latin.html").write_bytes("<p>Grüße</p>".encode("latin-1"))
    pages = [Page("0", f"https://docs.example.org/p/{name}", tmp_path / name) for name in ("page.html", "latin.html")]
    assert _write(tmp_path / "pages.warc.gz", pages)[0] == 14 + 12
    with (tmp_path / "pages.warc.gz").open("rb") as archive:
        for record, charset in zip(ArchiveIterator(archive, record_types=WarcRecordType.response), ("utf-8", None), strict=True):
            assert record.verify_payload_digest()
            assert record.http_charset == charset


def test_a_crawl_has_pages_up_to_its_size_dealt_to_files_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    found = [Page(str(number), f"https://docs.example.org/p/{number}", tmp_path / f"{number}.html") for number in range(9)]
    for page in found:
        page.path.write_bytes(b"<p>text" * 200_000)
    monkeypatch.setattr(debian_pages, "_unpacked", lambda *_: nullcontext(Unpacked(found, [], [])))
    made = debian_pages.debian_crawl(tmp_path, few=True)
    assert (made["pages"], made["bytes"], made["files"]) == (6, 6 * 1_400_000, 4)
    names = []
    for file in sorted((tmp_path / "crawl").glob("*.warc.gz")):
        with file.open("rb") as archive:
            responses = ArchiveIterator(archive, record_types=WarcRecordType.response)
            names.append("".join(record.headers["WARC-Target-URI"][-1] for record in responses))
    assert names == ["04", "15", "2", "3"]


def test_a_crawl_of_too_few_pages_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian_pages, "_unpacked", lambda *_: nullcontext(Unpacked([], [], ["git-doc"])))
    with pytest.raises(debian_pages.AptMissing, match="git-doc"):
        debian_pages.debian_crawl(tmp_path, few=True)
    assert list(tmp_path.iterdir()) == []


def test_web_texts_are_the_same_again_and_copies_are_copies(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        made = web_texts(iter(PAGES), {"pages": "fixture"}, tmp_path / folder, count=100, more=5)
    frames = [pl.read_parquet(tmp_path / folder / "web_texts" / "parquet" / "*.parquet") for folder in ("one", "two")]
    assert frames[0].equals(frames[1])
    assert frames[0].equals(pl.read_ndjson(tmp_path / "one" / "web_texts" / "jsonl" / "*.jsonl"))
    assert frames[0].height == sum(made["kinds"].values()) == 100
    assert pl.read_parquet(tmp_path / "one" / "web_texts" / "one_percent" / "parquet" / "*.parquet").height == 5
    _assert_copies(frames[0], pl.read_parquet(tmp_path / "one" / "web_texts" / "truth.parquet"))


def test_a_synthetic_document_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    words = pl.Series([f"w{chr(97 + number % 26)}{chr(97 + number // 26)}" for number in range(600)])
    for documents in (300, 500):
        synthetic(words, tmp_path, documents)
    few, many = (pl.read_parquet(tmp_path / f"synthetic-{documents}" / "parquet" / "*.parquet") for documents in (300, 500))
    assert few.equals(many.head(300))
    _assert_copies(many, pl.read_parquet(tmp_path / "synthetic-500" / "truth.parquet"))


def _assert_copies(frame: pl.DataFrame, truth: pl.DataFrame) -> None:
    pairs = frame.join(truth.drop_nulls("source"), on="id").join(frame.select(source="id", original="text"), on="source")
    same = pairs.group_by("kind").agg(share=(pl.col("text") == pl.col("original")).mean(), pairs=pl.len())
    shares = dict(same.select("kind", "share").iter_rows())
    assert shares["exact"] == 1
    assert shares["near"] < 0.2


def test_lengths_are_pinned(tmp_path: Path) -> None:
    made = lengths(tmp_path, documents=1_000)
    assert (made["tokens"], made["longer_than_2048"]) == (654_222, 53)


def test_an_unknown_peer_is_unavailable_and_every_pin_is_exact(tmp_path: Path) -> None:
    assert environment("nobody", tmp_path) == Unavailable("there is no nobody.txt among the peers")
    assert {"datatrove", "data_juicer", "seqpacker", "sketches", "text_dedup", "trl"} <= set(peers())
    folder = Path(environment.__code__.co_filename).parent / "peers"
    pins = [line for name in peers() for line in (folder / f"{name}.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(line.count("==") == 1 and "/" not in line for line in pins)
