"""`data4llm export`: training sequences, or documents, as a dataset in the layout of the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import polars as pl
import pyarrow as pa
import typer

from data4llm_assets.commands.dataset_card import document_card, sequence_card
from data4llm_assets.commands.options import (
    JsonOption,
    RecipeOption,
    ReleaseOption,
    StoreOption,
    errors,
    open_reader,
    out,
    print_json,
)
from data4llm_assets.document import DOCUMENTS, MIXED
from data4llm_assets.lineage.reader import Reader
from data4llm_assets.recipe import did_you_mean
from data4llm_assets.report import huggingface, published
from data4llm_assets.report.huggingface import Written
from data4llm_assets.report.sequence_columns import COLUMNS, DEFAULT, sequence_table
from data4llm_assets.report.training_order import in_training_order


class Content(NamedTuple):
    """What goes into the folder. tables: given a folder for files on their way. file_rows: rows of a file; None: by size."""

    assets: frozenset[str]
    schema: pa.Schema
    tables: Callable[[Path], Iterator[pa.Table]]
    file_rows: int | None
    card: Callable[[Written], str]
    what: str


def export(
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where to; must not exist, or be empty.")],
    step: Annotated[str, typer.Argument(metavar="STEP", help="packed, or a step after which to take documents.")] = "packed",
    step_option: Annotated[str | None, typer.Option("--step", hidden=True)] = None,
    columns: Annotated[str | None, typer.Option("--columns", metavar="A,B,…", help="Only these columns.")] = None,
    form: Annotated[Literal["huggingface"], typer.Option("--format", help="Layout of the folder.")] = "huggingface",
    recipe: RecipeOption = None,
    store: StoreOption = None,
    release: ReleaseOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
    stale: Annotated[bool, typer.Option("--stale", help="Even if what is published is not what the recipe now says.")] = False,
    json: JsonOption = False,
) -> None:
    """Write a dataset: sequences in the order to train on them in, or documents as they stand after a step.

    Parquet files and a card, which [bold]datasets.load_dataset("FOLDER")[/bold] reads. For sequences the columns are input_ids,
    document_ids, document_starts, sequence_starts, lengths; to be asked for: position_ids, labels, phase. The folder appears when
    it is complete, not before.

    Examples: data4llm export --to dataset --columns input_ids,position_ids,labels

    data4llm export filtered --to documents --columns doc_id,text
    """
    wanted = [name.strip() for name in columns.split(",")] if columns else None
    corpus = open_reader(recipe, store, release)
    content = _content(corpus, step_option or step, wanted)
    out_of_date = corpus.stale(set(content.assets))
    if out_of_date and not stale:
        told = f"not exported, for it is not up to date: {', '.join(out_of_date)}. First data4llm run; or --stale"
        errors.print(told, style="red", markup=False)
        raise typer.Exit(1)
    if private := [name for name, source in corpus.recipe.sources.items() if source.access == "private"]:
        errors.print(f"mind who gets this: it holds text of private sources ({', '.join(private)})", style="yellow", markup=False)
    try:
        written = _write(content, to, force)
    except FileExistsError as error:
        errors.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    if json:
        print_json({"to": str(to), "format": form, **written._asdict(), "columns": content.schema.names})
        return
    size = f"{written.files} file{'s' * (written.files != 1)}, {written.parquet_bytes / 1e6:,.1f} MB"
    out.print(f"{written.rows:,} {content.what} → {to} ({size})", markup=False)
    out.print(f'datasets.load_dataset("{to}", split="train") reads it', markup=False, style="dim")


def _write(content: Content, to: Path, force: bool) -> Written:
    with huggingface.replacing(to, force) as folder:
        with errors.status(f"writing {content.what}"):
            written = huggingface.write_split(folder, content.tables(folder), content.schema, content.file_rows)
        (folder / "README.md").write_text(content.card(written), encoding="utf-8")
    return written


def _content(corpus: Reader, step: str, wanted: Sequence[str] | None) -> Content:
    """Raises LookupError if there is no such step or column, or nothing of it is built."""
    packs = {section.name for section in corpus.recipe.steps if section.stage == "packed"}
    if step in packs:
        return _sequences(corpus, wanted)
    known = [*corpus.document_steps(), *packs]
    if step not in known:
        msg = f"there is nothing to export of {step!r}; there are: {', '.join(known)}{did_you_mean(step, known)}"
        raise LookupError(msg)
    return _documents(corpus, step, wanted)


def _sequences(corpus: Reader, wanted: Sequence[str] | None) -> Content:
    found = published.sequences(corpus)
    names = _known(wanted or DEFAULT, COLUMNS)
    tokenizer = corpus.model(corpus.recipe.tokenizer)
    separator = tokenizer.separator if found.section.separator else None
    schema = pa.schema([(name, COLUMNS[name].dtype) for name in names])
    row_bytes = 4 * found.section.sequence_length * max(1, sum(name in ("input_ids", "labels", "position_ids") for name in names))
    file_rows, group_rows = (max(1, size // row_bytes) for size in (huggingface.FILE_BYTES, huggingface.GROUP_BYTES))

    def tables(folder: Path) -> Iterator[pa.Table]:
        for frame in in_training_order(corpus.store, found.parts, found.order, file_rows, group_rows, folder):
            yield sequence_table(frame, names, separator)

    def card(written: Written) -> str:
        return sequence_card(corpus, found, tokenizer, written, schema)

    return Content(frozenset({found.section.name, published.order_asset(corpus)}), schema, tables, file_rows, card, "sequences")


def _documents(corpus: Reader, step: str, wanted: Sequence[str] | None) -> Content:
    view = corpus.view_after(step)
    kept = corpus.graph.nodes[view.kept.node].schemas[view.kept.table]
    full = pl.Schema({**DOCUMENTS, **{name: MIXED[name] for name in ("repeats", "phase") if name in kept}})
    names = _known(wanted or list(full), full)
    # Plain lists and strings: the large kinds of Arrow are other features to `datasets`.
    schema = pa.schema([(name, _plain(pl.Schema({name: full[name]}).to_frame().to_arrow().schema.field(0).type)) for name in names])

    def tables(_: Path) -> Iterator[pa.Table]:
        for frame in published.standing(corpus, step):
            yield frame.select(names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)

    def card(written: Written) -> str:
        return document_card(corpus, step, written, schema)

    return Content(frozenset({step}), schema, tables, None, card, f"documents after {step}")


def _plain(dtype: pa.DataType) -> pa.DataType:
    if pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype):
        return pa.string()
    if pa.types.is_large_list(dtype):
        return pa.list_(_plain(dtype.value_type))
    if pa.types.is_struct(dtype):
        return pa.struct([(field.name, _plain(field.type)) for field in dtype])
    return dtype


def _known(names: Sequence[str], known: Mapping[str, object]) -> list[str]:
    for name in names:
        if name not in known:
            msg = f"there is no column {name!r} to export; there are: {', '.join(known)}{did_you_mean(name, known)}"
            raise LookupError(msg)
    return list(names)
