"""datatrove's Gopher repetition and Gopher quality filters, each on every document, English: verdicts for comparison.

In a pipeline the second sees only what the first lets through; here both judge every document, as a comparison of verdicts needs.
The words of a text are made once for both: datatrove keeps those of the last five texts.

Arguments: `input` (a folder of JSONL with `id` and `text`), `output` (an empty folder), `limit` (all documents).
Phases: filter (with reading), which writes `verdicts.jsonl`: `id`, `repetition`, `quality`; null where the filter keeps the
document, else its reason. Before: imports and the word tokenizer.
"""

from __future__ import annotations

import itertools
import json

from datatrove_steps import warm
from measuring import Arguments, Stopwatch, documents


def main() -> None:
    arguments, stopwatch = Arguments(), Stopwatch()
    warm()
    from datatrove.data import Document
    from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter
    from datatrove.pipeline.filters.base_filter import get_filter_result

    filters = {"repetition": GopherRepetitionFilter(), "quality": GopherQualityFilter()}
    for judge in filters.values():
        judge.filter(Document(text="the warm words, with punctuation. " * 20, id="warm"))
    dropped = dict.fromkeys([*filters, "either"], 0)
    count = size = 0
    folder = arguments.output()
    with stopwatch.phase("filter"), (folder / "verdicts.jsonl").open("w") as verdicts:
        for identity, text in itertools.islice(documents(arguments.path("input")), arguments.get("limit", None)):
            document = Document(text=text, id=identity)
            reasons: dict[str, str | None] = {}
            for name, judge in filters.items():
                kept, reason = get_filter_result(judge.filter(document))
                reasons[name] = None if kept else reason or name
                dropped[name] += not kept
            dropped["either"] += any(reasons.values())
            verdicts.write(json.dumps({"id": identity} | reasons) + "\n")
            count += 1
            size += len(text.encode())
    stopwatch.report(count, size, ("datatrove", "spacy", "numpy"), results={"dropped": dropped})


if __name__ == "__main__":
    main()
