"""The inputs by name, made on demand and kept: what the comparisons ask for."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from benchmarks.inputs.cached import cached
from benchmarks.inputs.debian_pages import debian_crawl, debian_pages
from benchmarks.inputs.lengths import lengths as make_lengths
from benchmarks.inputs.synthetic import synthetic as make_synthetic
from benchmarks.inputs.synthetic import vocabulary
from benchmarks.inputs.variations import varied
from benchmarks.inputs.web_texts import extracted, web_texts

VERSION = "1"
_CHUNK = 1 << 20


class Texts(NamedTuple):
    """Web texts as Parquet and as JSONL, and one per cent more of them as JSONL."""

    parquet: Path
    jsonl: Path
    more: Path
    documents: int
    mean_bytes: float


def all_pages(folder: Path, *, few: bool) -> tuple[Path, dict[str, Any]]:
    """The WARC file and its description; `few`: of a handful of packages, for a quick run."""
    place = folder / "inputs" / ("few" if few else "all")
    place.mkdir(parents=True, exist_ok=True)
    told = debian_pages(place, few=few)
    return place / "pages.warc.gz", told


def pages(folder: Path, count: int, *, few: bool) -> Path:
    """A WARC file of the first `count` pages."""
    whole, told = all_pages(folder, few=few)
    place = folder / "inputs" / f"pages-{count}.warc.gz"

    def make(path: Path) -> dict[str, Any]:
        # The first member describes the file itself.
        with path.open("wb") as out:
            for number, member in enumerate(members(whole)):
                if number > count:
                    break
                out.write(member)
        return {"pages": min(count, told["pages"])}

    cached(place, {"version": VERSION, "pages": told["digest"], "count": count}, make)
    return place


def crawl(folder: Path, *, few: bool) -> tuple[Path, dict[str, Any]]:
    """The folder of WARC files with a gigabyte of pages, and its description; `few`: a hundredth of it, for a quick run."""
    place = folder / "inputs" / ("few" if few else "all")
    place.mkdir(parents=True, exist_ok=True)
    told = debian_crawl(place, few=few)
    return place / "crawl", told


def members(path: Path) -> Iterator[bytes]:
    """The gzip members of a file, compressed as they are."""
    waiting = b""
    with path.open("rb") as stream:
        while True:
            waiting = waiting or stream.read(_CHUNK)
            if not waiting:
                return
            member, inflate = [], zlib.decompressobj(wbits=31)
            while not inflate.eof:
                waiting = waiting or stream.read(_CHUNK)
                if not waiting:
                    return
                inflate.decompress(waiting)
                used = len(waiting) - len(inflate.unused_data)
                member.append(waiting[:used])
                waiting = waiting[used:]
            yield b"".join(member)


def texts(folder: Path, count: int, *, few: bool) -> Texts:
    """`count` web texts of some 3 kB."""
    whole, told = all_pages(folder, few=few)
    place = folder / "inputs" / ("few" if few else "all")
    origin = {"pages": told["digest"], "resiliparse": version("resiliparse")}
    made = web_texts(extracted(whole), origin, place, count, max(count // 100, 1))
    made_at = place / "web_texts"
    return Texts(made_at / "parquet", made_at / "jsonl", made_at / "one_percent" / "jsonl", count, made["bytes"] / count)


def jsonl(of: Texts, count: int) -> Path:
    """A folder with the first `count` texts as JSONL, one file."""
    if count == of.documents:
        return of.jsonl
    place = of.jsonl.parent.parent / f"first-{count}"

    def make(path: Path) -> dict[str, Any]:
        path.mkdir()
        pl.scan_parquet(of.parquet / "*.parquet").head(count).collect().write_ndjson(path / "texts.jsonl")
        return {"texts": count}

    cached(place, {"version": VERSION, "of": _key_of(of), "count": count}, make)
    return place


def jsonl_of_size(of: Texts, size: int) -> Path:
    """A folder with the first texts up to `size` bytes of text; the texts are repeated if there are not enough."""
    place = of.jsonl.parent.parent / f"bytes-{size}"

    def make(path: Path) -> dict[str, Any]:
        path.mkdir()
        frame = pl.read_parquet(of.parquet / "*.parquet").select("id", "text")
        frame = pl.concat([frame] * (1 + size // int(frame["text"].str.len_bytes().sum())))
        frame = frame.filter(pl.col("text").str.len_bytes().cum_sum() <= size).with_columns(
            id=pl.format("{}-{}", "id", pl.int_range(pl.len()))
        )
        frame.write_ndjson(path / "texts.jsonl")
        return {"texts": frame.height, "bytes": int(frame["text"].str.len_bytes().sum())}

    cached(place, {"version": VERSION, "of": _key_of(of), "size": size}, make)
    return place


def synthetic(folder: Path, of: Texts, count: int) -> Path:
    """A folder of Parquet files with `count` texts drawn from the vocabulary of the web texts."""
    make_synthetic(vocabulary(sorted(of.parquet.glob("*.parquet"))), folder / "inputs", count)
    return folder / "inputs" / f"synthetic-{count}" / "parquet"


def lengths(folder: Path) -> Path:
    make_lengths(folder / "inputs")
    return folder / "inputs" / "lengths.parquet"


def sample_texts(folder: Path, times: int) -> Path:
    """A folder of JSONL of the sample corpus's documents: `docs`, `code`, `web`, and `all` three together.

    Times over one, every further copy of a document has three words in ten replaced, so that it is no duplicate.
    """
    from data4llm_assets.corpus import Corpus
    from data4llm_assets.engine.planner import Selection
    from data4llm_assets.recipe import load_recipe

    place = folder / "inputs" / f"sample-{times}"
    sources = sorted(load_recipe("sample").sources)

    def make(path: Path) -> dict[str, Any]:
        corpus = Corpus("sample", path.with_name("sample-store"))
        corpus.build(selection=Selection(frozenset({"raw_crawl", "extracted_text"})))
        frame = corpus.read("extracted_text", columns=["doc_id", "source", "text"]).sort("doc_id")
        written = 0
        for name in (*frame["source"].unique().sort(), "all"):
            own = frame if name == "all" else frame.filter(source=name)
            (path / name).mkdir(parents=True)
            for copy in range(times):
                text = own["text"] if copy == 0 else varied(own["text"], 0.3, copy)
                rows = own.select(id=pl.format("{}-{}", "doc_id", pl.lit(copy)), text=text)
                rows.write_ndjson(path / name / f"texts-{copy}.jsonl")
                written += rows.height if name == "all" else 0
        return {"texts": written}

    cached(place, {"version": VERSION, "times": times, "sample": version("data4llm"), "sources": sources}, make)
    return place


def tokenizer(folder: Path) -> Path:
    """SmolLM2's tokenizer as a tokenizer.json, for the peers."""
    from data4llm_assets.models.tokenizer import SmolLM2Tokenizer

    path = folder / "tokenizer.json"
    if not path.exists():
        SmolLM2Tokenizer(method="smollm2").library().save(str(path))
    return path


def _key_of(of: Texts) -> str:
    described: Mapping[str, Any] = json.loads((of.parquet.parent.with_suffix(".json")).read_text())
    return str(described["key"])
