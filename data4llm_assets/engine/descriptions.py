"""What Dagster tells of a node and of what it made: descriptions, columns, figures, verdicts. All of it is read off the nodes.

Figures of a materialization stay few and bare, for Dagster's log is never pruned: what they mean is said once, in the description.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from data4llm_assets.document import COLUMNS, TABLES
from data4llm_assets.engine import accounts
from data4llm_assets.engine.expectations import allowed, sentence
from data4llm_assets.engine.shell import Outcome
from data4llm_assets.method import Method
from data4llm_assets.node import Expectation, Node, Quality

GUARDS: dict[Quality, str] = {
    "inclusiveness": "Domains, sources, languages and styles are all there, and in balance.",
    "abundance": "Enough unique text comes through, and every document is accounted for.",
    "articulation": "Text is well formed and worth learning from.",
    "sanitization": "Nothing private, unsafe, unlicensed or unverified gets through.",
}
GRAINS = {
    "grid": "One partition for each shard of a source and each snapshot.",
    "corpus": "One for the whole corpus: it looks at all partitions at once.",
    "part": "One partition for each part of the packed corpus.",
}
_WITHIN = {"documents": "documents_in", "kept": "documents_out"}
"""Figures of steps that the accounts hold under another name."""
_LONGEST_SETTING = 100
_MOST_ROWS = 20
_MOST_REASONS = 10
_PAPER = re.compile(r"arXiv (\d{4}\.\d{4,5})")


def main_table(node: Node) -> str:
    return node.keeps if node.keeps in node.tables else node.tables[0]


def description(node: Node) -> str:
    """Markdown: what the asset is, its partitions, its tables, how the recipe sets its methods, and what its figures mean."""
    sections = {
        f"Tables, as `data4llm read {node.name} --table NAME` prints them": _tables(node),
        "Methods, as the recipe sets them": _methods((*node.methods, *node.measures)),
        "Keys of the recipe": _settings(node),
        "Figures": _figures(node),
    }
    told = [
        f"**{head}**\n\n" + "\n".join(lines) for head, lines in ((head, list(found)) for head, found in sections.items()) if lines
    ]
    return "\n\n".join([node.description, GRAINS[node.grain], *told])


def column_schema(node: Node) -> dg.TableSchema:
    """The columns of the main table, each with what it holds."""
    known = {**COLUMNS, **node.glossary.columns}
    return dg.TableSchema(
        [dg.TableColumn(name, str(dtype).lower(), known.get(name)) for name, dtype in dict(node.schemas[main_table(node)]).items()]
    )


def guards(node: Node, quality: Quality, sources: Sequence[str]) -> str:
    """The promise of a quality, and every expectation that guards it here with its bounds."""
    refuses: list[str] = []
    warns: list[str] = []
    for each in asked(node, sources):
        if each.quality == quality:
            bounds = allowed(each.arguments)
            told = f"- **{label(each.frame, each.arguments.get('column', each.kind))}** {bounds}".rstrip() + f": {each.why}"
            (refuses if each.severity == "critical" else warns).append(told)
    found = [GUARDS[quality]]
    if refuses:
        found += ["Outside these bounds nothing is published, and what was current stays:", "\n".join(refuses)]
    if warns:
        found += ["Outside these it is published with a warning:", "\n".join(warns)]
    return "\n\n".join(found)


def asked(node: Node, sources: Sequence[str]) -> Iterator[Expectation]:
    """Every expectation of a node; where the recipe's bounds differ from source to source, one for each."""
    yield from node.expectations
    alike: dict[str, tuple[Expectation, list[str]]] = {}
    for source in sources if node.grain == "grid" else [""]:
        for each in accounts.expectations(node, source):
            alike.setdefault(f"{each.quality} {each.arguments}", (each, []))[1].append(source)
    for each, whose in alike.values():
        among = accounts.expectations(node, whose[0], "all sources" if len(whose) == len(sources) else ", ".join(whose))
        yield next(one for one in among if one.arguments == each.arguments)


def verdict(results: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: what failed, with its numbers, then what held."""
    failed = [f"- {'✗' if each['severity'] == 'critical' else '!'} {sentence(each)}" for each in results if not each["passed"]]
    return "\n".join([*failed, *(_held(each) for each in results if each["passed"])])


def label(frame: str, column: str) -> str:
    """Name of a figure: its frame is named unless it is the partition's own or the accounts'."""
    return column if frame in ("partition", "accounts") else f"{frame}/{column}"


def figures(outcome: Outcome, node: Node) -> dict[str, Any]:
    """What a person wants to see of a partition: counts and rates, never text. The most telling come first."""
    accounted = next(iter(outcome.metrics.get("accounts", [])), {})
    told = (name for name in _accounted(node, accounted) if accounted.get(name) is not None)
    found: dict[str, Any] = {name: accounted[name] for name in told}
    if reasons := outcome.metrics.get("reasons"):
        found["reasons"] = dg.MetadataValue.md(_table(reasons[:_MOST_REASONS]))
    rows = sum(rows for name, (_, rows) in outcome.tables.items() if name.split("/")[0] == main_table(node))
    found["dagster/row_count" if node.grain == "corpus" else "dagster/partition_row_count"] = rows
    own = next(iter(outcome.metrics.get("partition", [])), {})
    for name in [*(told for told in node.glossary.figures if told in own), *own]:
        again = name in found or (name in _WITHIN and accounted.get(_WITHIN[name]) == own[name])
        if isinstance(own[name], (int, float)) and not again:
            found[name] = own[name]
    found = {name: rounded(value) for name, value in found.items()}
    for name in node.glossary.frames:
        if rows_of := outcome.metrics.get(name):
            found[_by(node, name)] = dg.MetadataValue.md(_table(rows_of[:_MOST_ROWS]))
    if seconds := outcome.record.get("seconds"):
        found |= {"seconds": rounded(seconds), "peak_memory_MB": round(outcome.record["peak_memory"] / 1e6)}
        if accounted.get("documents_in"):
            found["documents_per_second"] = rounded(accounted["documents_in"] / seconds)
    if outcome.accepted:
        found["accepted"] = ", ".join(outcome.accepted)
    return found | {"result": outcome.result, "fingerprint": outcome.fingerprint}


def rounded(value: Any) -> Any:
    """Four digits: a person compares, and the exact figure stands in the manifest."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _accounted(node: Node, accounted: Mapping[str, Any]) -> Iterator[str]:
    """The accounts' figures that say something of this node: a step that cannot edit, add or carry has no zero of it."""
    can = {
        "edited": "overlay" in node.tables,
        "added": "documents" in node.tables and node.keeps != "documents",
        "carried": "carried" in node.glossary.figures,
    }
    return (name for name in accounts.FIGURES if can.get(name, True) or accounted.get(name))


def _tables(node: Node) -> Iterator[str]:
    known = {**TABLES, **node.glossary.tables}
    for table, schema in node.schemas.items():
        yield f"- `{table}`: {known.get(table, 'published')} ({', '.join(dict(schema))})"


def _methods(methods: Iterable[Method]) -> Iterator[str]:
    """One line for each method: what it does, its paper, its parameters. Those that are not set are left out."""
    for method in methods:
        kind = type(method)
        told = str(kind.__doc__ or "").partition("\n")[0]
        papers = _PAPER.findall(str(sys.modules[kind.__module__].__doc__ or "").partition("\n")[0])
        cited = "".join(f" [arXiv {number}](https://arxiv.org/abs/{number})" for number in papers)
        given = ", ".join(f"{name}: {_written(value)}" for name, value in method.parameters().items() if value is not None)
        yield f"- `{method.method}`: {told}{cited}" + (f" `{given}`" if given else "")


def _settings(node: Node) -> Iterator[str]:
    written = {name: _written(value) for name, value in node.settings.items() if value not in (None, [], {}, ())}
    short = [f"`{name}: {value}`" for name, value in written.items() if len(value) <= _LONGEST_SETTING]
    if short:
        yield ", ".join(short)


def _figures(node: Node) -> Iterator[str]:
    known = {name: accounts.FIGURES[name] for name in _accounted(node, {})} if node.takes else {}
    own = {name: told for name, told in node.glossary.figures.items() if not (node.takes and name in _WITHIN)}
    reasons = {"reasons": "why documents were dropped, edited or carried: each under the first rule that did"}
    frames = {_by(node, name): told for name, told in node.glossary.frames.items()}
    for name, told in {**known, **(reasons if "decisions" in node.tables else {}), **own, **frames}.items():
        yield f"- `{name}`: {told}"


def _by(node: Node, frame: str) -> str:
    """Name under which a frame is shown; `languages` may also be a count of them."""
    return f"{frame}_one_by_one" if frame in node.glossary.figures else frame


def _written(value: Any) -> str:
    """As in the recipe."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str).replace('"', "")


def _held(result: Mapping[str, Any]) -> str:
    observed = result["observed"]
    if observed is None:
        told = "nothing to measure, or too little to say"
    elif isinstance(observed, str):
        # Of a frame of several rows only their number is known.
        told = f"each of {observed}"
    else:
        told = f"{observed:.4g}" if isinstance(observed, float) else str(observed)
    bounds = allowed(result["bounds"]) if observed is not None else ""
    return f"- ✓ {label(result['frame'], result['column'])}: {told}" + (f" ({bounds})" if bounds else "")


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    # Names before numbers: a manifest has its keys in the order of the alphabet.
    head = sorted(rows[0], key=lambda name: not isinstance(rows[0][name], str))
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(str(rounded(row[name])) for name in head) + " |" for row in rows)])
