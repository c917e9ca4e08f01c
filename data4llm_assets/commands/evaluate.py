"""`data4llm evaluate`: how good methods are, measured on data of which the right answer is known."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from data4llm_assets.commands.evaluate_extraction import extraction
from data4llm_assets.commands.options import JsonOption, StoreOption, errors, open_corpus, out, print_json
from data4llm_assets.corpus import Corpus
from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.deduped.stage import Deduped
from data4llm_assets.evaluation import texts as some

app = typer.Typer(no_args_is_help=True, help="How good methods are, measured on data of which the right answer is known.")
app.command("extraction")(extraction)


@app.command()
def dedup(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECIPE]",
            show_default=False,
            help="Whose settings of minhash and, if it is built, whose texts. Default: the method's own, and installed packages.",
        ),
    ] = None,
    store: StoreOption = None,
    step: Annotated[
        str | None, typer.Option("--step", help="A deduped step of the recipe. Default: its first with minhash.")
    ] = None,
    texts: Annotated[int, typer.Option("--texts", min=1, help="How many texts, at most, edits are planted into.")] = 300,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of places, edits and datasketch; minhash has its own.")] = 1,
    json: JsonOption = False,
) -> None:
    """Plant edits of known similarity into real texts, and count how many minhash finds, beside theory and beside datasketch.

    Exit status 1 if detection is more than 0.05 from theory in a bin, or something less similar than the threshold is dropped.
    """
    from data4llm_assets.evaluation import dedup

    corpus = None if recipe is None else open_corpus(recipe, store)
    method, settings = _minhash(corpus, step)
    least = dedup.least_words(method)
    if corpus is not None and some.is_extracted(corpus):
        found, origin = some.corpus_texts(corpus, texts, least), f"texts of {corpus.name}"
    else:
        found, origin = some.installed_texts(texts, least), "texts of installed packages"
        origin += "" if corpus is None else f" ({corpus.name} is not built)"
    result = dedup.evaluate(method, found, seed)
    if json:
        told = {"method": {"method": method.method, **method.parameters()}, "settings": settings, "texts": len(found)}
        rest = {"bins": result.bins.to_dicts(), "totals": result.totals, "failures": list(result.failures)}
        print_json({**told, "origin": origin, "seed": seed, **rest})
    else:
        out.print(f"minhash ({settings}): {_settings(method)}", markup=False)
        out.print(f"{result.totals['pairs']:,} pairs in {len(found):,} {origin}", markup=False)
        out.print(_table(result.bins))
        _print_totals(result.totals)
        for failure in result.failures:
            out.print(f"✗ {failure}", style="red", markup=False)
        if not result.failures:
            out.print("✓ within 0.05 of theory in every bin; whatever was dropped is similar enough", style="green")
    if result.failures:
        raise typer.Exit(1)


@app.command()
def forecast(
    recipe: Annotated[str, typer.Argument(metavar="[RECIPE]", help="Recipe file, or the name of a shipped one.")] = "micro",
    workers: Annotated[int, typer.Option("--workers", min=1, help="Partitions made at the same time.")] = 2,
    json: JsonOption = False,
) -> None:
    """Build a recipe in a folder that is thrown away, change it in three ways, forecast each run, run it, and compare.

    CPU seconds are compared, by asset. Exit status 1 if the median error is above 30 %, or the 90 % intervals hold less than 80 %.
    """
    from data4llm_assets.evaluation import forecast

    with tempfile.TemporaryDirectory(prefix="data4llm-forecast-") as folder:
        found = forecast.evaluate(recipe, Path(folder), workers, lambda line: errors.print(line, style="dim", markup=False))
    summary = found.summary()
    good = summary["median_error"] <= forecast.MEDIAN_ERROR and summary["covered"] >= forecast.COVERED
    if json:
        print_json({**summary, "rows": found.rows.to_dicts(), "probed": list(found.probed), "skipped": list(found.skipped)})
    else:
        _print_forecasts(found.rows, found.compared())
        for name in found.probed:
            out.print(f"{name}: nothing was known of it, so the forecast followed a probe", markup=False)
        for name in found.skipped:
            out.print(f"not tried, for the recipe has none: {name}", markup=False)
        mark, style = ("✓", "green") if good else ("✗", "red")
        out.print(
            f"{mark} {summary['pairs']} forecasts of {forecast.TRIVIAL} s or more, or of what took as much: median error "
            f"{summary['median_error']:.0%} (at most {forecast.MEDIAN_ERROR:.0%}), {summary['covered']:.0%} within their interval "
            f"(at least {forecast.COVERED:.0%})",
            style=style,
            markup=False,
        )
    if not good:
        raise typer.Exit(1)


def _print_forecasts(rows: Any, compared: Any) -> None:
    table = Table(box=None, pad_edge=False)
    for head in ("change", "asset", "partitions", "forecast", "90 % interval", "actual", "error"):
        table.add_column(head, justify="left" if head in ("change", "asset") else "right")
    counted = set(compared.select("change", "asset").iter_rows())
    told = ""
    for row in rows.iter_rows(named=True):
        interval = f"{row['low']:.2f}–{row['high']:.2f}" + ("" if row["within"] else " ✗")
        total = not counted.isdisjoint({(row["change"], row["asset"])}) or row["asset"].startswith("all")
        table.add_row(
            "" if row["change"] == told else row["change"],
            row["asset"],
            str(row["partitions"]),
            f"{row['expected']:.2f}",
            interval,
            f"{row['actual']:.2f}",
            f"{row['error']:+.0%}",
            style="" if total else "dim",
        )
        told = row["change"]
    out.print(table)


def _minhash(corpus: Corpus | None, step: str | None) -> tuple[MinHash, str]:
    """The settings, and whose they are."""
    steps = [] if corpus is None else [section for section in corpus.recipe.steps if isinstance(section, Deduped)]
    settings = {section.name: method for section in reversed(steps) for method in section.methods if isinstance(method, MinHash)}
    if step is not None and step not in settings:
        msg = f"there is no step {step!r} with minhash; there are: {', '.join(reversed(settings)) or 'none'}"
        raise LookupError(msg)
    if not settings or corpus is None:
        return MinHash(), "its defaults" if corpus is None else f"its defaults, for {corpus.name} has no step with minhash"
    name = step or list(settings)[-1]
    return settings[name], f"{name} of {corpus.name}"


def _settings(method: MinHash) -> str:
    return ", ".join(f"{name} {value}" for name, value in method.parameters().items() if name not in ("seed", "compare"))


def _table(bins: Any) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for head in ("bin", "pairs", "mean", "found", "theory", "off by", "datasketch", "dropped", "precision", "recall"):
        table.add_column(head, justify="left" if head == "bin" else "right")
    for row in bins.iter_rows(named=True):
        table.add_row(
            f"{row['from']:.2f}–{row['to']:.2f}",
            f"{row['pairs']:,}",
            _number(row["similarity"], ".3f"),
            *(_number(row[name], ".1%") for name in ("detected", "theory")),
            _number(row["difference"], "+.3f"),
            _number(row["datasketch"], ".1%"),
            f"{row['dropped']:,}",
            *(_number(row[name], ".1%") for name in ("precision", "recall")),
        )
    return table


def _number(value: float | None, form: str) -> str:
    return "·" if value is None else f"{value:{form}}"


def _print_totals(totals: dict[str, Any]) -> None:
    table = Table(box=None, pad_edge=False)
    for head in (f"of {totals['similar']:,} that are similar enough", "pairs", "precision", "recall"):
        table.add_column(head, justify="left" if head.startswith("of") else "right")
    names = {
        "detected": "share a band",
        "dropped": "share a band, and verified",
        "datasketch": "datasketch, which verifies nothing",
    }
    for name, label in names.items():
        rates = (_number(totals[f"{name}_{rate}"], ".1%") for rate in ("precision", "recall"))
        table.add_row(label, f"{totals[name]:,}", *rates)
    out.print(table)
