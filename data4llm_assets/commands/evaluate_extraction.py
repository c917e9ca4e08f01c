"""`data4llm evaluate extraction`: engines of extraction on pages whose main text is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from data4llm_assets.commands.options import JsonOption, errors, out, print_json

if TYPE_CHECKING:
    from data4llm_assets.commands.extraction_tables import Measured
    from data4llm_assets.evaluation.extraction import Evaluation
    from data4llm_assets.extracted_text.extraction import Extraction


def extraction(
    pages: Annotated[
        list[Path],
        typer.Option(
            "--pages",
            metavar="FOLDER",
            exists=True,
            file_okay=False,
            help="NAME.html beside NAME.txt, its main text, and NAME.json; or pages of WCXB or Mozilla Readability. Repeatable.",
        ),
    ],
    part: Annotated[
        Literal["all", "develop", "report"],
        typer.Option("--part", help="Pages of which sites: about 60 % to develop on, the others to report. No site is in both."),
    ] = "all",
    engine: Annotated[
        list[str] | None,
        typer.Option(
            "--engine",
            metavar="NAME",
            show_default=False,
            help="E.g. trafilatura:mode=precision, mypackage.rules:MyEngine, recipe.yaml. Repeatable. Default: all there are.",
        ),
    ] = None,
    baseline: Annotated[str, typer.Option("--baseline", metavar="NAME", help="What the others are compared with.")] = "trafilatura",
    worst: Annotated[
        int, typer.Option("--worst", metavar="N", min=0, help="Show the N worst pages of each --engine, or of the best.")
    ] = 0,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.svg", dir_okay=False, help="Draw speed against F1 into this file.")
    ] = None,
    bars: Annotated[bool, typer.Option("--bars", help="Exit status 1 if a bar is missed, or was not measured.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the tables as GitHub's Markdown, and nothing else.")] = False,
    json: JsonOption = False,
) -> None:
    """Extract pages whose main text is known with every engine, and count the words that are found, missing and too many.

    Speed is pages per CPU second, on one core. Intervals hold 95 % of the F1 of 10,000 resamples of the pages.
    """
    from data4llm_assets.commands import extraction_tables
    from data4llm_assets.evaluation import engines

    names = dict.fromkeys([*(engine or engines.shipped()), baseline])
    try:
        made = {name: engines.engine(name) for name in names}
        found = [_measured(folder, part, made, baseline, engine, worst) for folder in pages]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if plot is not None:
        plot.write_text(_plot(found), encoding="utf-8")
    if json:
        print_json([_told(each) for each in found])
    elif markdown:
        out.print("\n\n".join(map(extraction_tables.markdown, found)), markup=False, soft_wrap=True)
    else:
        for number, each in enumerate(found):
            if number:
                out.print()
            extraction_tables.print_tables(each)
    if bars and not all(bar.met for each in found for bar in each.bars):
        raise typer.Exit(1)


def _measured(
    folder: Path, part: str, made: Mapping[str, Extraction], baseline: str, named: Sequence[str] | None, worst: int
) -> Measured:
    from data4llm_assets.commands.extraction_tables import Measured
    from data4llm_assets.evaluation import labelled_pages
    from data4llm_assets.evaluation.described_pages import described
    from data4llm_assets.evaluation.extraction import evaluate, summaries
    from data4llm_assets.evaluation.extraction_bars import AGAINST, bars

    layout, every = labelled_pages.read_folder(folder)
    pages = [page for page in every if part in ("all", labelled_pages.part(page.site))]
    if not pages:
        msg = f"none of the {len(every):,} pages of {folder} is in the part {part!r}"
        raise LookupError(msg)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task(folder.name, total=len(pages))
        evaluation = evaluate(made, pages, lambda: progress.advance(task))
    found = summaries(evaluation, baseline)
    asked = bars(layout, found if baseline == AGAINST else summaries(evaluation, AGAINST))
    shown = {name: _worst(evaluation, name, baseline, worst) for name in named or list(found)[:1] if worst and name in found}
    return Measured(folder, layout, part, baseline, evaluation, found, described(pages), asked, shown)


def _worst(evaluation: Evaluation, name: str, baseline: str, count: int) -> list[dict[str, Any]]:
    """The pages with an engine's lowest F1, the lowest first, beside the baseline's."""
    f1 = evaluation.f1()
    rows = []
    for place in f1[name].argsort(kind="stable")[:count].tolist():
        page, beside = evaluation.pages[place], float(f1[baseline][place]) if baseline in f1 else None
        about = {"page_type": page.page_type, "name": page.name, "url": page.url}
        rows.append({"f1": float(f1[name][place]), "baseline": beside, **about})
    return rows


def _told(found: Measured) -> dict[str, Any]:
    """For programs: groups of pages are `all pages`, `not articles` and each page type."""
    engines = [
        {**each._asdict(), "differences": {group: interval._asdict() for group, interval in each.differences.items()}}
        for each in found.summaries.values()
    ]
    return {
        "folder": str(found.folder),
        "layout": found.layout,
        "part": found.part,
        "pages": len(found.evaluation.pages),
        "baseline": found.baseline,
        "engines": engines,
        "unavailable": found.evaluation.unavailable,
        "metadata": [each._asdict() for each in found.described],
        "bars": [each._asdict() for each in found.bars],
        "worst": found.worst,
    }


def _plot(found: Sequence[Measured]) -> str:
    from data4llm_assets.evaluation.extraction import EVERY
    from data4llm_assets.evaluation.extraction_bars import CHOOSING, FAST
    from data4llm_assets.report.speed_and_quality import Panel, Point, speed_and_quality

    panels = [
        Panel(
            f"{each.folder.resolve().name}: {len(each.evaluation.pages):,} pages",
            [Point(it.engine, it.pages_per_second, it.f1[EVERY], it.engine in (CHOOSING, FAST)) for it in each.summaries.values()],
        )
        for each in found
        if each.summaries
    ]
    return speed_and_quality(panels, "pages per CPU second", "word F1, mean over pages")
