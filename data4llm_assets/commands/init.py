"""`data4llm init`: look at a folder, and write a recipe for it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from data4llm_assets.commands.draft import draft
from data4llm_assets.commands.machine import cores
from data4llm_assets.commands.options import JsonOption, errors, out, print_json
from data4llm_assets.commands.proposal import Proposal, megabytes, millions
from data4llm_assets.filtered.rules import measure_now
from data4llm_assets.filtered.sift import sift
from data4llm_assets.filtered.stage import Filtered
from data4llm_assets.method import ModelUnavailable
from data4llm_assets.models.tokenizer import SmolLM2Tokenizer, Tokenizer
from data4llm_assets.recipe import RETENTION, Recipe, load_recipe
from data4llm_assets.report.groups import Group, groups
from data4llm_assets.report.look import Look, look
from data4llm_assets.report.sampled import NoText, sample

MOST_WORKERS = 8


def init(
    path: Annotated[Path, typer.Argument(help="A folder or file: JSONL, Parquet, WARC, HTML, text, Markdown, code, all mixed.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")] = Path("recipe.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a recipe that is there.")] = False,
    json: JsonOption = False,
) -> None:
    """Look at your data and write a recipe for it: sources, columns, domains, languages, limits. Every guess says why.

    Reads the names of all files and a bounded sample of what is in them, never more. Builds nothing: the recipe is yours to
    change before `data4llm run`.
    """
    if "://" in str(path):
        msg = f"init looks at folders and files of this machine; for {path}, name it as the `path` of a source"
        raise typer.BadParameter(msg)
    if not path.exists():
        msg = f"there is no file or folder {path}"
        raise typer.BadParameter(msg)
    if output.exists() and not force:
        errors.print(f"{output} exists and is left as it is; --force replaces it, --output names another file", markup=False)
        raise typer.Exit(1)
    found = look(path)
    proposed, beside = groups(found, path)
    proposals, unusable = _sampled(proposed)
    if not proposals:
        errors.print(f"nothing in {path} is text that a reader takes", style="red", markup=False)
        for line in [*unusable, *_left_out(found, beside)]:
            errors.print(f"  {line}", markup=False)
        raise typer.Exit(1)
    recipe = _write(_corpus_name(path), proposals, output, str(path))
    kept = _kept(recipe, proposals)
    if json:
        sources = [_told(each) for each in proposals]
        print_json({"recipe": str(output), "sources": sources, "unusable": unusable, "kept_of_sample": kept})
        return
    out.print(_table(proposals))
    for line in [*unusable, *_left_out(found, beside)]:
        out.print(f"left out: {line}", markup=False)
    out.print()
    _print_kept(kept)
    out.print(f"[green]✓[/green] wrote {output}: read it, then [bold]data4llm run {output}[/bold]")


def _sampled(proposed: Sequence[Group]) -> tuple[list[Proposal], list[str]]:
    """Proposals, and why the others are none."""
    tokenizer: Tokenizer | None = None
    try:
        tokenizer = SmolLM2Tokenizer().load()
    except ModelUnavailable as error:
        errors.print(f"tokens are guessed at 4 bytes each: {error}", markup=False)
    proposals, unusable = [], []
    for group in proposed:
        try:
            found = sample(group, tokenizer)
        except NoText as error:
            unusable.append(f"{group.name} ({len(group.files)} {group.kind} files): {error}")
            continue
        if found.records or not found.bad:
            proposals.append(Proposal(group, found))
        else:
            unusable.append(f"{group.name} ({len(group.files)} {group.kind} files): none of the sampled records can be used")
    return proposals, unusable


def _write(corpus: str, proposals: Sequence[Proposal], output: Path, looked_at: str) -> Recipe:
    """Write the recipe if it loads and compiles: whoever starts from it starts from one that works."""
    output.parent.mkdir(parents=True, exist_ok=True)
    written = output.with_name(f".{output.name}.new")
    try:
        written.write_text(draft(corpus, proposals, output, looked_at, min(cores(), MOST_WORKERS)), encoding="utf-8")
        recipe = load_recipe(written)
        recipe.graph()
        os.replace(written, output)
    finally:
        written.unlink(missing_ok=True)
    return recipe


def _kept(recipe: Recipe, proposals: Sequence[Proposal]) -> dict[str, dict[str, Any]]:
    """For each source what the recipe's rules would do to its sample: {documents, kept, reasons: {rule: documents}}."""
    steps = next(step for step in recipe.steps if isinstance(step, Filtered)).steps()
    told = {}
    for group, found in proposals:
        sifted = sift(found.documents, steps, measure_now)
        drops = sifted.decisions.filter(action="drop").unique("doc_id", keep="first", maintain_order=True)
        reasons = dict(drops["rule"].value_counts(sort=True).iter_rows())
        told[group.name] = {"documents": found.documents.height, "kept": sifted.documents.height, "reasons": reasons}
    return told


def _print_kept(kept: dict[str, dict[str, Any]]) -> None:
    least, _ = RETENTION["filtered"]
    for name, told in kept.items():
        reasons = ", ".join(f"{rule} {count}" for rule, count in list(told["reasons"].items())[:4])
        line = f"{name}: of {told['documents']} sampled documents the rules would keep {told['kept']}"
        style = "yellow" if told["kept"] * 2 < told["documents"] else ""
        out.print(line + (f" (dropped: {reasons})" if reasons else ""), style=style, markup=False)
        if told["kept"] < least * told["documents"]:
            out.print(f"  a run would be refused: less than {least:.0%} is kept; change the rules, or `retention`", style="yellow")


def _table(proposals: Sequence[Proposal]) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in ("source", "kind", "files", "size", "≈ docs", "≈ tokens", "languages", "domain", "shards"):
        right = head in ("files", "size", "≈ docs", "≈ tokens", "shards")
        table.add_column(head, justify="right" if right else "left", no_wrap=right or head == "source")
    for proposal in proposals:
        group, found = proposal
        seen = ", ".join(list(found.languages)[:5]) + (", …" if len(found.languages) > 5 else "")
        numbers = (f"{len(group.files):,}", megabytes(group.bytes), f"{found.all_documents:,}", millions(found.all_tokens))
        table.add_row(group.name, group.kind, *numbers, seen, proposal.domain, str(proposal.shards))
    return table


def _told(proposal: Proposal) -> dict[str, Any]:
    group, found = proposal
    fields = {role: guess._asdict() for role, guess in found.mapped.fields.items()} if found.mapped else {}
    return {
        "name": group.name,
        "kind": group.kind,
        "path": str(group.path),
        "files": len(group.files),
        "bytes": group.bytes,
        "documents": found.all_documents,
        "tokens": found.all_tokens,
        "languages": dict(found.languages),
        "domain": found.domain._asdict(),
        "fields": fields,
        "shards": proposal.shards,
        "bad": dict(found.bad),
    }


def _left_out(found: Look, beside: Mapping[str, Sequence[str]]) -> list[str]:
    reasons = [*found.left_out.items(), *beside.items()]
    lines = [f"{len(paths):,} × {what}, such as {paths[0]}" for what, paths in reasons if paths]
    return [*lines, f"what comes after the first {len(found.files):,} files"] if found.truncated else lines


def _corpus_name(path: Path) -> str:
    stem = path.resolve().name.partition(".")[0]
    plain = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_") or "corpus"
    return plain if plain[0].isalpha() else f"corpus_{plain}"
