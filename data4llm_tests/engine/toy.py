"""A corpus of three nodes and one barrier, small enough to reason about: the engine's tests stand on it, not on the stages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import polars as pl

from data4llm_assets.document import DECISIONS, DOCUMENTS, KEPT, conform, digest, document_id, page_id, text_digests
from data4llm_assets.engine.run import Report, bring_up_to_date, inline
from data4llm_assets.engine.snapshots import Snapshots
from data4llm_assets.engine.state import Graph, State
from data4llm_assets.engine.store import Store
from data4llm_assets.method import Decide, Measure, Method, Parameters
from data4llm_assets.node import Node, Read, Ref, View, Work, between

LENGTHS = pl.Schema({"doc_id": pl.String, "length": pl.Int64})
VERDICTS = pl.Schema({"doc_id": pl.String, "rank": pl.Int64})


class Folder(Parameters):
    path: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    shards: int = 2
    priority: int = 0
    deliver: str = "everything"


class Length(Method):
    method: Literal["length"] = "length"
    unit: Measure[int] = 1
    minimum: Decide[int] = 3


def read_files(work: Work) -> None:
    rows = []
    for file in work.files():
        with work.open(file.path) as stream:
            text = stream.read().decode()
        partition = work.partition
        rows.append(
            {
                "doc_id": document_id(partition.source, partition.snapshot, file.path, file.digest),
                "page_id": page_id(partition.source, file.path),
                "source": partition.source,
                "domain": partition.source,
                "snapshot": partition.snapshot,
                "text": text,
                "bytes": len(text),
            }
        )
    frame = pl.DataFrame(rows, schema_overrides=DOCUMENTS) if rows else pl.DataFrame(schema=DOCUMENTS)
    if rows:
        frame = frame.with_columns(text_digests(frame["text"]))
    work.write("documents", conform(frame, DOCUMENTS))
    work.metric("partition", pl.DataFrame({"documents": [len(rows)]}))


def graph(
    folder: Path,
    *,
    minimum: int = 3,
    unit: int = 1,
    corpus: str = "toy",
    version: str = "1",
    retention: tuple[float, float] = (0.0, 1.0),
) -> Graph:
    """texts (grid) → longest (corpus-wide, a file per partition) → kept (grid) → joined (part)."""
    sources = {"a": Folder(path=str(folder / "a")), "b": Folder(path=str(folder / "b"), shards=1, priority=1)}
    length = Length(unit=unit, minimum=minimum)
    view = View(texts=(Ref("texts", "documents"),), kept=Ref("texts", "documents"))

    def measured(work: Work) -> Iterator[pl.DataFrame]:
        for batch in work.batches():
            values = work.measure(
                length, batch, lambda rows: rows.select(length=pl.col("text").str.len_chars().cast(pl.Int64) // unit)
            )
            yield pl.concat([batch, values], how="horizontal")

    def lengths(work: Work) -> None:
        for batch in measured(work):
            work.write("lengths", batch.select(LENGTHS.names()))

    def longest(work: Work) -> None:
        frames = dict(work.read_all(Ref("lengths", "lengths")))
        ranked = pl.concat(frames.values()).sort("length", "doc_id", descending=True).with_row_index("rank")
        for partition, frame in frames.items():
            work.write_for(partition.key, "verdicts", ranked.join(frame, on="doc_id", how="semi").sort("doc_id"))
        work.metric("partition", pl.DataFrame({"documents": [ranked.height]}))

    def keep(work: Work) -> None:
        ranks = work.read(Ref("longest", "verdicts"))
        for batch in work.batches():
            texts = work.texts(work.partition, batch["doc_id"])
            joined = batch.join(ranks, on="doc_id").join(texts, on="doc_id").with_columns(length=pl.col("text").str.len_chars())
            stays = pl.col("length") >= minimum
            work.write("kept", joined.filter(stays).select(KEPT.names()))
            dropped = joined.filter(~stays).with_columns(
                rule=pl.lit("length.minimum"), action=pl.lit("drop"), value=pl.col("length"), threshold=pl.lit(float(minimum))
            )
            work.write("decisions", conform(dropped, DECISIONS))
            for part in range(work.parts):
                mine = pl.Series([int(i[:4], 16) % work.parts == part for i in joined["doc_id"]], dtype=pl.Boolean)
                work.write_for(f"part-{part}", "rows", joined.filter(mine & (joined["length"] >= minimum)).select("doc_id", "text"))

    def join(work: Work) -> None:
        found = [frame for _, frame in work.read_all(Ref("kept", "rows"))]
        work.write("joined", pl.concat(found).sort("doc_id"))

    rows = pl.Schema({"doc_id": pl.String, "text": pl.String})
    nodes = [
        Node(
            "texts",
            "raw_crawl",
            "toy.texts",
            "1",
            "grid",
            read_files,
            "Reads files.",
            ("documents",),
            {"documents": DOCUMENTS},
            lists_sources=True,
            expectations=(between("abundance", "documents", 0, 1000, "A shard is small."),),
        ),
        Node(
            "lengths",
            "deduped",
            "toy.lengths",
            "1",
            "grid",
            lengths,
            "Measures.",
            ("lengths",),
            {"lengths": LENGTHS},
            view=view,
            methods=(length.model_copy(update={"minimum": 0}),),
        ),
        Node(
            "longest",
            "deduped",
            "toy.longest",
            "1",
            "corpus",
            longest,
            "Ranks.",
            ("verdicts",),
            {"verdicts": VERDICTS},
            reads=(Read(Ref("lengths", "lengths"), "all"),),
        ),
        Node(
            "kept",
            "deduped",
            "toy.kept",
            version,
            "grid",
            keep,
            "Decides.",
            ("kept", "decisions", "rows"),
            {"kept": KEPT, "decisions": DECISIONS, "rows": rows},
            reads=(Read(Ref("longest", "verdicts"), "own"),),
            view=view,
            settings={"minimum": minimum},
            takes=Ref("texts", "documents"),
            retention={"*": retention},
        ),
        Node(
            "joined",
            "packed",
            "toy.joined",
            "1",
            "part",
            join,
            "Joins.",
            ("joined",),
            {"joined": rows},
            reads=(Read(Ref("kept", "rows"), "own"),),
        ),
    ]
    return Graph(corpus, {node.name: node for node in nodes}, sources, 2, 1 << 28)


def world(folder: Path, **texts: str) -> Path:
    """Files by name `a__one="text"`: source a, file one.txt."""
    for name, text in texts.items():
        source, _, file = name.partition("__")
        (folder / source).mkdir(parents=True, exist_ok=True)
        (folder / source / f"{file}.txt").write_text(text)
    return folder


def build(store: Store, toy: Graph, snapshot: str = "first", run: str = "run") -> Report:
    """Add the snapshot if it is not there, and bring the corpus up to date in this process."""
    snapshots = Snapshots(store, toy.corpus)
    if snapshot not in snapshots.all():
        snapshots.add(snapshot, toy.sources)
    state = State(toy, store)
    return bring_up_to_date(state, inline(state, run), run)


def manifests(store: Store) -> dict[str, str]:
    """Every manifest's bytes, as a digest: what must not differ between two builds of one corpus."""
    return {path: digest(store.get(path) or b"") for path, _, _ in store.objects("manifests/")}
