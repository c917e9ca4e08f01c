"""`data4llm try`: one document through every step, and what each would say of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Annotated, Any, NamedTuple

import polars as pl
import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from data4llm_assets.commands.options import JsonOption, RecipeOption, StoreOption, open_corpus, out, print_json
from data4llm_assets.commands.subject import Subject, subject
from data4llm_assets.corpus import Corpus
from data4llm_assets.document import text_digest
from data4llm_assets.node import Part, Verdict
from data4llm_assets.report.difference import Hunk, hunks

MOST_HUNKS = 12
MOST_GONE = 8
"""Neighbouring blocks that went and are shown: menus have hundreds."""
PART_PREVIEW = 70
"""Characters of a block that are shown."""
PREVIEW = 800
"""Characters of an extracted text that are printed."""
_MARKS = {"keep": ("✓", "green"), "drop": ("✗", "bold red"), "edit": ("✎", "yellow"), "carry": ("↷", "cyan"), "info": ("·", "dim")}
_STYLES = {"same": "dim", "gone": "red strike", "new": "bold green"}
_WITHOUT_COLOUR = {"same": ("", ""), "gone": ("[-", "-]"), "new": ("{+", "+}")}
"""As `git diff --word-diff` marks them."""
_PASSES = ("keep", "edit", "info")


class Taken(NamedTuple):
    """One step: its verdicts, and the text before and after it."""

    step: str
    stage: str
    verdicts: Sequence[Verdict]
    before: str
    after: str
    parts: Sequence[Part] = ()

    @property
    def ends(self) -> Verdict | None:
        """The verdict that keeps the document from the next step, if one does."""
        return next((verdict for verdict in self.verdicts if verdict.action not in _PASSES), None)


def try_(
    document: Annotated[str, typer.Argument(metavar="FILE|DOC_ID", help="A file, or the beginning of a stored document's id.")],
    recipe: RecipeOption = None,
    store: StoreOption = None,
    record: Annotated[int, typer.Option("--record", min=1, metavar="N", help="Which record of a file that holds several.")] = 1,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", show_default=False, help="Read the file as one of this source.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show one document at every step: what is measured, against which limit, what is edited, and where it would end.

    A FILE is read as the source of the recipe that it belongs to. A document of the store is shown with the decisions that were
    recorded about it. Each step sees the text as the steps before left it; after one that would drop the document the others
    still say what they would. Writes nothing, and compares with what is built now.
    """
    corpus = open_corpus(recipe, store)
    found = subject(corpus, document, record, source)
    recorded = corpus.decisions(doc_id=found.origin["doc_id"]) if "doc_id" in found.origin else None
    taken = list(steps(corpus, found))
    end = ending(corpus, taken)
    if json:
        print_json(_told(found, recorded, taken, end))
        return
    _print_origin(found, recorded)
    for each in taken:
        out.print(_shown(each))
    out.print(_conclusion(end))


def steps(corpus: Corpus, found: Subject) -> Iterator[Taken]:
    """What reading said, and what every step that is yet to come would say, each on the text that the one before left."""
    document = found.document
    text = "" if document is None else document["text"].item()
    began = False
    for section, place in corpus.recipe.places():
        if began and document is not None:
            trial = section.trial(place, document, corpus)
            after = text if trial.text is None else trial.text
            yield Taken(section.name, section.stage, trial.verdicts, text, after, trial.parts)
            if trial.text is not None:
                text = after
                document = document.with_columns(
                    text=pl.lit(text), text_digest=pl.lit(text_digest(text)), bytes=pl.lit(len(text.encode()), pl.Int64)
                )
        elif section.name == found.done:
            began = True
            if found.verdicts:
                yield Taken(section.name, section.stage, found.verdicts, text, text)


def ending(corpus: Corpus, taken: Sequence[Taken]) -> dict[str, Any]:
    """{kept, step, rule, reason} of the first step that ends the document's way; {kept, tokens, text} if none does."""
    for each in taken:
        if (verdict := each.ends) is not None:
            told = {"action": verdict.action, "step": each.step, "rule": verdict.rule, "value": verdict.value}
            return {"kept": False, **told, "limit": limit(verdict) if _beyond(verdict) else "", "note": verdict.note}
    if not taken:
        return {"kept": False, "action": "drop", "step": None}
    _, lengths = corpus.model(corpus.recipe.tokenizer).encode_batch([taken[-1].after])
    return {"kept": True, "tokens": int(lengths[0])}


def _beyond(verdict: Verdict) -> bool:
    """Whether the numbers explain the verdict by themselves: two texts that are equal are as similar as the limit says."""
    if not isinstance(verdict.value, (int, float)):
        return False
    low, high = verdict.minimum, verdict.maximum
    return (low is not None and verdict.value < low) or (high is not None and verdict.value > high)


def limit(verdict: Verdict) -> str:
    """What a value is held against: `≥ 50`, `≤ 0.2`, `50 to 100,000`, or nothing."""
    low, high = verdict.minimum, verdict.maximum
    if low is not None and high is not None:
        return f"{_number(low)} to {_number(high)}"
    return f"≥ {_number(low)}" if low is not None else f"≤ {_number(high)}" if high is not None else ""


def _print_origin(found: Subject, recorded: pl.DataFrame | None) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in found.origin.items():
        table.add_row(Text(key, "dim"), Text(value))
    out.print(table)
    if recorded is None or recorded.is_empty():
        return
    out.print("\n[bold]recorded[/bold]")
    for row in recorded.iter_rows(named=True):
        mark, style = _MARKS[row["action"]]
        value = "" if row["value"] is None else f" {_number(row['value'])}"
        against = "" if row["threshold"] is None else f" against {_number(row['threshold'])}"
        partner = "" if row["partner"] is None else f", because of {row['partner']}"
        line = f"  {mark} {row['step']}: {row['action']} by {row['rule']}{value}{against}{partner} {row['reason'] or ''}"
        out.print(Text(line.rstrip(), style))


def _shown(taken: Taken) -> Group:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(min_width=24, overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(min_width=12)
    for verdict in taken.verdicts:
        mark, style = _MARKS[verdict.action]
        cells = (mark, verdict.rule, _number(verdict.value), limit(verdict), verdict.note)
        table.add_row(*(Text(cell, style if verdict.action != "keep" or not index else "") for index, cell in enumerate(cells)))
    parts: list[Any] = [Text(f"\n{taken.step}", "bold"), table if taken.verdicts else Text("  nothing to say", "dim")]
    if taken.parts:
        parts.append(_judged(taken.parts))
    if taken.after != taken.before:
        parts += _preview(taken) if taken.stage == "extracted_text" else _changes(taken)
    return Group(*parts)


def _judged(parts: Sequence[Part]) -> Table:
    """Every part of a page with how probable it is to belong to the text; runs of parts that went are cut in the middle."""
    title = "blocks, as they were judged"
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), title=title, title_style="dim italic", expand=True)
    table.add_column("score", no_wrap=True, header_style="dim", width=6)
    table.add_column("where", no_wrap=True, header_style="dim", width=20)
    table.add_column("text", no_wrap=True, header_style="dim", ratio=1)
    for kept, run in groupby(parts, key=lambda part: part.kept):
        alike = list(run)
        shown = alike if kept or len(alike) <= MOST_GONE else [*alike[: MOST_GONE // 2], None, *alike[-(MOST_GONE // 2) :]]
        for part in shown:
            if part is None:
                table.add_row("", "", Text(f"… {len(alike) - MOST_GONE:,} more that went", "dim italic"))
                continue
            style = "green" if part.kept else "red"
            text = " ".join(part.text.split())
            cut = text if len(text) <= PART_PREVIEW else text[: PART_PREVIEW - 1] + "…"
            table.add_row(Text(f"{'✓' if part.kept else '✗'} {part.score:.2f}", style), Text(part.place, "dim"), Text(cut))
    return table


def _preview(taken: Taken) -> list[Text]:
    rest = len(taken.after) - PREVIEW
    return [Text(taken.after[:PREVIEW], "dim"), *([Text(f"… and {rest:,} characters more", "dim italic")] if rest > 0 else [])]


def _changes(taken: Taken) -> list[Text]:
    found = list(hunks(taken.before, taken.after))
    shown = [_hunk(each) for each in found[:MOST_HUNKS]]
    return [*shown, Text(f"… and {len(found) - MOST_HUNKS} changes more", "dim italic")] if len(found) > MOST_HUNKS else shown


def _hunk(hunk: Hunk) -> Text:
    line = Text(f"  line {hunk.line}\n", "dim italic")
    for piece in hunk.pieces:
        before, after = _WITHOUT_COLOUR[piece.mark] if out.color_system is None else ("", "")
        line.append(before + piece.text + after, _STYLES[piece.mark])
    line.rstrip()
    return line


def _conclusion(end: dict[str, Any]) -> Text:
    if end["kept"]:
        return Text(f"\n✓ stays: {end['tokens']:,} tokens to train on", "bold green")
    if end["step"] is None:
        return Text("\n✗ was dropped: see what is recorded", "bold red")
    held = f" {_number(end['value'])}" + (f", not {end['limit']}" if end["limit"] else "")
    what = "would be carried (an exact repeat of an earlier snapshot)" if end["action"] == "carry" else "would be dropped"
    return Text(f"\n✗ {what} by {end['step']}: {end['rule']}{held}" + (f" ({end['note']})" if end["note"] else ""), "bold red")


def _number(value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def _told(found: Subject, recorded: pl.DataFrame | None, taken: Sequence[Taken], end: dict[str, Any]) -> dict[str, Any]:
    return {
        "document": found.origin,
        "recorded": [] if recorded is None else recorded.to_dicts(),
        "steps": [
            {
                "step": each.step,
                "stage": each.stage,
                "verdicts": [verdict._asdict() for verdict in each.verdicts],
                "text": each.after if each.after != each.before else None,
                **({"blocks": [part._asdict() for part in each.parts]} if each.parts else {}),
            }
            for each in taken
        ],
        "end": end,
    }
