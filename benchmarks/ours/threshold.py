"""One threshold of the filters changed in a corpus that stands: the clock runs over the build that follows.

`whole`: all steps of the sample but its language model; else those alone that the peer has, too: filters and tokens.
"""

from __future__ import annotations

import copy
from pathlib import Path

from benchmarks.ours import told
from data4llm_assets.recipe import load_recipe

BEFORE, AFTER = 50, 80


def with_words(recipe: dict[str, object], least: int) -> dict[str, object]:
    changed = copy.deepcopy(recipe)
    for step in changed["steps"]:  # type: ignore[attr-defined]
        for rule in step.get("rules", ()):
            if rule["method"] == "gopher_quality":
                rule["min_words"] = least
    return changed


given = told.arguments()
folder = Path(given["folder"])
recipe = load_recipe("sample").model_dump(mode="json", by_alias=True, exclude_unset=True)
domains = {"docs": "documentation", "code": "code", "web": "reference"}
recipe["sources"] = {
    name: {"kind": "jsonl", "path": f"{given['texts']}/{name}", "domain": domain, "shards": 2} for name, domain in domains.items()
}
left_out = {"synthesized"} if given["whole"] else {"synthesized", "selected", "mixed"}
recipe["steps"] = [step for step in recipe["steps"] if step["stage"] not in left_out]
recipe["retention"] = {}
for rule in next(step for step in recipe["steps"] if step["stage"] == "filtered")["rules"]:
    rule.pop("except", None)  # both sides look at every document
with told.Clock() as cold:
    told.build(with_words(recipe, BEFORE), folder / "store")
with told.Clock() as clock:
    corpus, report = told.build(
        with_words(recipe, AFTER), folder / "store", nodes=() if given["whole"] else ("filtered", "tokenized")
    )
documents, size = told.documents_and_bytes(corpus, "extracted_text")
told.tell(
    clock,
    documents=documents,
    size=size,
    phases={"cold build (not counted)": round(cold.seconds, 3), **told.phases(report)},
    counters=told.counters(report),
)
