"""`data4llm train`: the product's own models, trained again on pages of yours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from data4llm_assets.commands.options import JsonOption, errors, out, print_json
from data4llm_assets.evaluation.labelled_pages import LabelledPage, Part, part, read_folder
from data4llm_assets.method import ModelUnavailable

app = typer.Typer(no_args_is_help=True, help="Train models of data4llm on data of yours; the same data give the same bytes.")
PagesOption = Annotated[
    list[Path], typer.Option("--pages", exists=True, file_okay=False, help="A folder of labelled pages (again for more).")
]
PartOption = Annotated[
    str, typer.Option("--part", help="develop: six of ten sites, by a hash of their name; the rest is for `evaluate`. Or all.")
]


@app.command()
def extractor(
    pages: PagesOption,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="Where the model goes.")] = Path("extractor.model"),
    which: PartOption = "develop",
    json: JsonOption = False,
) -> None:
    """Train the models behind `blocks` and `auto` on pages whose main text is known.

    Layouts of the folder: html/NAME.html.gz beside ground-truth/NAME.json; folders with source.html and expected.html; or simply
    NAME.html beside NAME.txt. In a recipe: html: {method: auto, model: FILE}.
    """
    if (path := _missing("lightgbm")) is not None:
        raise path
    from data4llm_assets.training.extractor import train, write

    chosen = _chosen(pages, which)
    held_out = _chosen(pages, "report") if which == "develop" else []
    try:
        trained = train(chosen, held_out, lambda line: errors.print(line, style="dim", markup=False))
    except ValueError as error:
        raise LookupError(str(error)) from error
    write(trained, to)
    _tell(to, dict(trained.record), json)


@app.command()
def dragnet(
    pages: PagesOption,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="Where the model goes.")] = Path("dragnet.model"),
    which: PartOption = "develop",
    json: JsonOption = False,
) -> None:
    """Train the weights of the engine `dragnet` on pages whose main text is known."""
    from data4llm_assets.extracted_text import dragnet as engine
    from data4llm_assets.models import model_file
    from data4llm_assets.training.dragnet import train_dragnet

    try:
        arrays, record = train_dragnet(_chosen(pages, which))
    except ValueError as error:
        raise LookupError(str(error)) from error
    model_file.write(to, engine.KIND, engine.VERSION, arrays, record)
    _tell(to, dict(record), json)


def _chosen(folders: list[Path], which: str) -> list[LabelledPage]:
    """The pages of a part. Raises LookupError for another word."""
    parts: tuple[Part | str, ...] = ("develop", "report", "all")
    if which not in parts:
        msg = f"--part is one of {', '.join(parts)}, not {which!r}"
        raise LookupError(msg)
    every = [page for folder in folders for page in read_folder(folder).pages]
    return [page for page in every if which in ("all", part(page.site))]


def _missing(package: str) -> ModelUnavailable | None:
    """What to raise if a package of the extra `train` is not installed."""
    from importlib.util import find_spec

    if find_spec(package) is not None:
        return None
    return ModelUnavailable("train extractor", package, "no weights", "pip install 'data4llm[train]'", "the shipped models")


def _tell(to: Path, record: Mapping[str, Any], json: bool) -> None:
    if json:
        print_json({"file": str(to), "bytes": to.stat().st_size, "record": record})
        return
    out.print(f"{to}: {to.stat().st_size:,} bytes, made from {record['pages']:,} pages", markup=False)
    for part_of, scores in scores_of(record):
        told = ", ".join(f"{name} {score:.4f}" for name, score in scores.items() if isinstance(score, float))
        out.print(f"  {part_of}: {told}", markup=False)


def scores_of(record: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What a model's record says it is worth, and on which pages."""
    for name, scores in (record.get("scores") or {}).items():
        if isinstance(scores, Mapping):
            yield name, scores
