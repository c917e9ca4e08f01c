"""`data4llm train`: the product's own models, trained again on pages of yours."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
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
    if find_spec("lightgbm") is None:
        raise ModelUnavailable("train extractor", "lightgbm", "no weights", "pip install 'data4llm[train]'", "the shipped models")
    from data4llm_assets.training.extractor import train, write

    every = _read(pages)
    chosen, held_out = _of_part(every, which), _of_part(every, "report") if which == "develop" else []
    try:
        trained = train(chosen, held_out, lambda line: errors.print(line, style="dim", markup=False))
    except ValueError as error:
        raise LookupError(str(error)) from error
    write(trained, to)
    _tell(to, trained.record, trained.record["scores"].get("held_out", {}), json)


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
        arrays, record = train_dragnet(_of_part(_read(pages), which))
    except ValueError as error:
        raise LookupError(str(error)) from error
    model_file.write(to, engine.KIND, engine.VERSION, arrays, record)
    _tell(to, record, record["sites_unseen"]["all pages"], json)


def _read(folders: list[Path]) -> list[LabelledPage]:
    return [page for folder in folders for page in read_folder(folder).pages]


def _of_part(pages: list[LabelledPage], which: str) -> list[LabelledPage]:
    """The pages of a part. Raises LookupError for another word."""
    parts: tuple[Part | str, ...] = ("develop", "report", "all")
    if which not in parts:
        msg = f"--part is one of {', '.join(parts)}, not {which!r}"
        raise LookupError(msg)
    return [page for page in pages if which in ("all", part(page.site))]


def _tell(to: Path, record: Mapping[str, Any], unseen: Mapping[str, Any], json: bool) -> None:
    """unseen : scores on pages of sites that the model did not learn from; empty where none were held out."""
    if json:
        print_json({"file": str(to), "bytes": to.stat().st_size, "record": record})
        return
    out.print(f"{to}: {to.stat().st_size:,} bytes, made from {record['pages']:,} pages", markup=False)
    if scores := ", ".join(f"{name} {score:.4f}" for name, score in unseen.items() if isinstance(score, float)):
        out.print(f"on sites it did not learn from: {scores}", markup=False)
