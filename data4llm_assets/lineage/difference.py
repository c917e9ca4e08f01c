"""What is in one release and not in another, and why: documents in, out and changed, by step, by rule and by source.

Documents of different snapshots are other documents, of the same page: so texts are compared by page, and what a rule said in the
other release is looked up for the page. A source at a time, whole columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import polars as pl

from data4llm_assets.document import conform
from data4llm_assets.engine.documents import read_kept
from data4llm_assets.engine.planner import changed
from data4llm_assets.engine.state import Missing
from data4llm_assets.engine.store import TableFile
from data4llm_assets.lineage.reader import Reader
from data4llm_assets.node import Partition, Ref

DOCUMENTS = pl.Schema(
    {
        "change": pl.String,
        "source": pl.String,
        "page_id": pl.String,
        "before": pl.String,
        "after": pl.String,
        "step": pl.String,
        "rule": pl.String,
        "value": pl.Float64,
        "threshold": pl.Float64,
        "partner": pl.String,
    }
)
"""A document that is in (only in the release after), out (only in the one before) or changed (of a page that both have, with a text
that the one before has not).

before, after: doc_ids. step, rule, value, threshold, partner: where the page was dropped in the release that has it not, and by
what; the step is `sources` where that release was never given the page. Of changed ones: whether the source or the edits changed.
"""
_SOURCES = "sources"
_KNOWN = pl.Schema({"doc_id": pl.String, "page_id": pl.String, "snapshot": pl.String, "extracted": pl.String, "made_by": pl.String})
"""extracted: digest of the first text. made_by: the step that made the document, if it did not come from a source."""
_STANDING = pl.Schema({"doc_id": pl.String, "page_id": pl.String, "text_digest": pl.String, "bytes": pl.Int64})
_TEXT = ["page_id", "text_digest"]


class OfSource(NamedTuple):
    """steps: (step, before, after, in, out, changed), counts of documents. documents: DOCUMENTS, after the last step compared.

    totals: bytes and tokens before and after; tokens with repeats, of documents that the mixture counted, or None.
    """

    source: str
    steps: list[dict[str, Any]]
    documents: pl.DataFrame
    totals: dict[str, Any]


def compare(before: Reader, after: Reader, step: str | None = None) -> Iterator[OfSource]:
    """Source by source. step: the last one to compare, by default the last that documents can be read after in both.

    Raises
    ------
    LookupError
        If the two share no such step.
    """
    old_steps, new_steps = before.document_steps(), after.document_steps()
    common = [name for name in new_steps if name in old_steps]
    if (step is not None and step not in common) or not common:
        msg = f"there is no step {step!r} in both; there are: {', '.join(common) or 'none'}"
        raise LookupError(msg)
    last = step or common[-1]
    common = common[: common.index(last) + 1]
    for source in dict.fromkeys((*before.graph.sources, *after.graph.sources)):
        old, new = _Side(before, source), _Side(after, source)
        counts, pairs = [], _pairs(pl.DataFrame(schema=_STANDING), pl.DataFrame(schema=_STANDING))
        for name in common:
            was, now = old.standing(name), new.standing(name)
            pairs = _pairs(was, now)
            numbers = dict(pairs.group_by("change").len().iter_rows())
            kinds = {kind: int(numbers.get(kind, 0)) for kind in ("in", "out", "changed")}
            counts.append({"step": name, "before": was.height, "after": now.height, **kinds})
        totals: dict[str, Any] = {}
        for when, side in (("before", old), ("after", new)):
            totals |= {f"bytes_{when}": int(side.standing(last)["bytes"].sum()), f"tokens_{when}": side.tokens(last)}
        yield OfSource(source, counts, _explained(pairs, old, new), totals)


def summary(before: Reader, after: Reader, found: Sequence[OfSource]) -> dict[str, Any]:
    """Counts over all sources, as JSON: what differs in the recipe and in the snapshots, then by step, by rule and by source."""
    steps = pl.DataFrame([count for each in found for count in each.steps])
    rows = pl.concat([pl.DataFrame(schema=DOCUMENTS), *(each.documents for each in found)])
    kinds = pl.Enum(["in", "out", "changed"])
    reasons = rows.group_by("change", "step", "rule").agg(documents=pl.len())
    ranked = reasons.sort(pl.col("change").cast(kinds), pl.col("documents") * -1, "step", "rule")
    return {
        "before": before.label,
        "after": after.label,
        "recipe": changed("", _keyed(before.recipe_json()), _keyed(after.recipe_json())),
        "snapshots": _snapshots(before.state.snapshots, after.state.snapshots),
        "steps": steps.group_by("step", maintain_order=True).sum().to_dicts() if steps.height else [],
        "reasons": ranked.to_dicts(),
        "sources": [{"source": each.source, **_of_last(each), **each.totals} for each in found],
    }


def _of_last(found: OfSource) -> dict[str, Any]:
    return {name: value for name, value in found.steps[-1].items() if name != "step"}


class _Side:
    """One source of a release."""

    def __init__(self, reader: Reader, source: str) -> None:
        self.reader, self.source = reader, source
        self.partitions = [each for each in reader.state.grid if each.source == source]
        self.known = self._known()
        self._read: dict[str, pl.DataFrame] = {}

    def standing(self, step: str) -> pl.DataFrame:
        """_STANDING after a step, each document once."""
        if step not in self._read:
            frames = [frame.select("doc_id", "text_digest", "bytes").unique("doc_id") for frame in self._kept(step)]
            kept = pl.concat([pl.DataFrame(schema=_STANDING).drop("page_id"), *frames])
            self._read = {step: kept.join(self.known.select("doc_id", "page_id"), on="doc_id").select(_STANDING.names())}
        return self._read[step]

    def tokens(self, step: str) -> int | None:
        """Tokens with repeats of the documents after a step from the mixture on; None where nothing was mixed."""
        counted = next((node.name for node in self.reader.graph.nodes.values() if "tokens" in node.tables), None)
        kept = [frame for frame in self._kept(step) if "repeats" in frame.columns]
        if counted is None or not kept:
            return None
        counts = pl.concat([frame for _, frame in self._tables(Ref(counted, "tokens"), ["doc_id", "tokens"])])
        joined = pl.concat([frame.select("doc_id", "repeats") for frame in kept]).join(counts, on="doc_id")
        return int((joined["tokens"] * joined["repeats"]).sum())

    def fates(self, pages: pl.DataFrame) -> pl.DataFrame:
        """(page_id, step, rule, value, threshold, partner): where that version of a page which came farthest was dropped."""
        documents = self.known.join(pages.select("page_id").unique(), on="page_id", how="semi").select("doc_id", "page_id")
        columns = ["doc_id", "rule", "action", "value", "threshold", "partner"]
        left = pl.col("action").is_in(["drop", "carry"])
        found = []
        for place, (name, node) in enumerate(self.reader.graph.nodes.items()):
            if "decisions" in node.tables:
                for _, frame in self._tables(Ref(name, "decisions"), columns):
                    gone = frame.filter(left).unique("doc_id", keep="first", maintain_order=True)
                    found.append(gone.join(documents, on="doc_id").with_columns(step=pl.lit(name), place=pl.lit(place)))
        names = ["page_id", "step", "rule", "value", "threshold", "partner"]
        if not found:
            return pl.DataFrame(schema={name: DOCUMENTS[name] for name in names})
        return pl.concat(found).sort("place", "doc_id", descending=[True, False]).unique("page_id", keep="first").select(names)

    def _known(self) -> pl.DataFrame:
        """_KNOWN: every document that the release was given or made, each once."""
        steps = [section.name for section in self.reader.recipe.steps]
        (first, *made), given = self.reader.view_after(steps[-1]).texts, self.reader.view_after(steps[0]).kept
        found = [pl.DataFrame(schema=_KNOWN)]
        for ref in dict.fromkeys((first, given, *made)):
            schema = self.reader.graph.nodes[ref.node].schemas[ref.table]
            columns = [name for name in ("doc_id", "page_id", "snapshot", "text_digest") if name in schema]
            for _, frame in self._tables(ref, columns):
                text = pl.col("text_digest") if "text_digest" in columns else pl.lit(None, pl.String)
                maker = pl.lit(ref.node if ref in made else None, pl.String)
                found.append(frame.select("doc_id", "page_id", "snapshot", extracted=text, made_by=maker))
        return pl.concat(found).unique("doc_id", keep="first", maintain_order=True)

    def _kept(self, step: str) -> Iterator[pl.DataFrame]:
        ref = self.reader.view_after(step).kept
        for partition in self.partitions:
            if (file := self._file(ref, partition)) is not None:
                yield read_kept(self.reader.store, file)

    def _tables(self, ref: Ref, columns: list[str]) -> Iterator[tuple[Partition, pl.DataFrame]]:
        for partition in self.partitions:
            if (file := self._file(ref, partition)) is not None:
                yield partition, self.reader.store.read_table(file.digest, columns)

    def _file(self, ref: Ref, partition: Partition) -> TableFile | None:
        try:
            return self.reader.state.table(ref.node, partition.key, ref.table)
        except Missing:
            return None


def _pairs(was: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """(change, page_id, before, after): documents of `now` whose text their page did not have, and of `was` whose page is gone."""
    new = now.join(was, on=_TEXT, how="anti", nulls_equal=True)
    old = was.sort("doc_id").unique("page_id", keep="last").select("page_id", before="doc_id")
    come = new.join(old, on="page_id", how="left").select(
        pl.when(pl.col("before").is_null()).then(pl.lit("in")).otherwise(pl.lit("changed")).alias("change"),
        "page_id",
        "before",
        after="doc_id",
    )
    gone = was.join(now, on="page_id", how="anti").select(
        pl.lit("out").alias("change"), "page_id", before="doc_id", after=pl.lit(None, pl.String)
    )
    return pl.concat([come, gone])


def _explained(pairs: pl.DataFrame, old: _Side, new: _Side) -> pl.DataFrame:
    """DOCUMENTS, sorted."""
    parts = []
    for change, own, other, column in (("in", new, old, "after"), ("out", old, new, "before")):
        about = own.known.select("doc_id", "snapshot", "made_by")
        mine = pairs.filter(change=change).join(about, left_on=column, right_on="doc_id", how="left")
        told = mine.join(other.fates(mine), on="page_id", how="left")
        unknown = ~pl.col("page_id").is_in(other.known["page_id"].implode())
        step = pl.when(unknown).then(pl.col("made_by").fill_null(_SOURCES)).otherwise("step")
        rule = pl.when(unknown).then(_never_given(other)).otherwise("rule")
        parts.append(told.with_columns(step=step, rule=rule))
    extracted = new.known.select("doc_id", "extracted")
    both = pairs.filter(change="changed").join(extracted, left_on="after", right_on="doc_id", how="left")
    same = both.join(old.known.drop_nulls("extracted"), on=["page_id", "extracted"], how="semi")["after"]
    edited = pl.col("after").is_in(same.implode())
    parts.append(
        both.with_columns(
            step=pl.when(edited).then(pl.lit("edits")).otherwise(pl.lit(_SOURCES)),
            rule=pl.when(edited).then(pl.lit("same text, edited otherwise")).otherwise(pl.lit("another text")),
        )
    )
    whole = pl.concat(parts, how="diagonal_relaxed").with_columns(source=pl.lit(new.source))
    return conform(whole, DOCUMENTS).sort("change", "step", "rule", "page_id", "before", "after", nulls_last=True)


def _never_given(other: _Side) -> pl.Expr:
    """Why a release was not given a page, of a document of some `snapshot`."""
    if not other.partitions:
        return pl.lit("no such source")
    made, known = pl.col("made_by").is_not_null(), pl.col("snapshot").is_in(list(other.reader.state.snapshots))
    told = pl.when(known).then(pl.lit("no such page")).otherwise(pl.lit("no such snapshot"))
    return pl.when(made).then(pl.lit("not made")).otherwise(told)


def _snapshots(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[Literal["in", "out", "changed"], list[str]]:
    both = [name for name in after if name in before]
    return {
        "in": [name for name in after if name not in before],
        "out": [name for name in before if name not in after],
        "changed": [name for name in both if before[name]["sources"] != after[name]["sources"]],
    }


def _keyed(value: Any) -> Any:
    """The same recipe, where lists of steps and methods are mappings by name: a change is then told by its key."""
    if isinstance(value, Mapping):
        return {key: _keyed(each) for key, each in value.items()}
    if isinstance(value, list) and value and all(isinstance(each, Mapping) and {"name", "method"} & each.keys() for each in value):
        found: dict[str, Any] = {}
        for each in value:
            name = str(each.get("name") or each["method"])
            times = sum(known.split("#")[0] == name for known in found)
            found[f"{name}#{times + 1}" if times else name] = _keyed(each)
        return found
    return value
