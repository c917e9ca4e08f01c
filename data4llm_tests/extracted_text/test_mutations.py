"""Damaged pages cost an engine nothing but their text: no crash, no hang, no write beyond an array, the same outcome every time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from data4llm_assets.evaluation.labelled_pages import read_folder
from data4llm_assets.extracted_text import containment
from data4llm_assets.extracted_text.auto import Auto
from data4llm_assets.extracted_text.blocks import Blocks
from data4llm_assets.extracted_text.bte import BTE
from data4llm_assets.extracted_text.charset import decode
from data4llm_assets.extracted_text.dragnet import Dragnet
from data4llm_assets.extracted_text.extraction import Extracted, Extraction, Refused
from data4llm_assets.extracted_text.justext import JusText
from data4llm_assets.extracted_text.page_types import PAGE_TYPES
from data4llm_assets.extracted_text.raw import Raw
from data4llm_assets.extracted_text.readability import Readability
from data4llm_assets.extracted_text.resiliparse import Resiliparse
from data4llm_assets.extracted_text.site_recipe import SiteRecipe
from data4llm_assets.extracted_text.trafilatura import Trafilatura
from data4llm_assets.raw_crawl.python_manual import page
from extracted_text.contained_pages import Outcome, outcomes
from extracted_text.mutations import WAYS, mutation

EXPECTED = re.compile(r"extracted_text\.(empty|max_\w+|selector)")
"""Rules of refusals that say something about the page."""
OURS: tuple[Extraction, ...] = (
    Raw(), Raw(format="markdown"), BTE(), Dragnet(), Blocks(), Auto(confidence=0), Auto(confidence=0, format="markdown"),
    Resiliparse(),
)  # fmt: skip
"""Engines in which compiled loops do the work. `auto` asks Trafilatura only about texts that fail a check."""
ASKING = Auto(confidence=1, second_opinion=PAGE_TYPES, format="markdown")
OTHERS: tuple[Extraction, ...] = (
    ASKING, Trafilatura(), JusText(), Readability(), Resiliparse(format="markdown"),
    SiteRecipe.model_validate({"default": {"text": {"select": ["main, article", "p, li, td"], "optional": True}, "drop": "nav"}}),
)  # fmt: skip
PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Gauges &amp; levels</title><style>p {}</style>
<meta property="og:title" content="Gauges"><script type="application/ld+json">{"@type": "Article", "author": "Ann"}</script></head>
<body class="page"><svg><path d="M0 0"/><title>icon</title></svg>
<nav id=menu><ul><li><a href="/a">Home</a><li><a href="/b">About</a></ul></nav>
<article class="post"><h1>Gauges</h1><p class=byline>By <a rel="author" href=/ann>Ann Lee</a>
<p>The keeper of the gauge <b>writes <i>the level</i> of</b> the river down: 3 &lt; 5, caf&eacute; — 世界。<br><br>It rains, and the
river rises; nobody knows why.
<ol start=3><li value=7>One<ul><li>two<pre>  three\n\n  four `five`</pre></ul><li>six</ol><dl><dt>Term<dd>What it means</dl>
<blockquote><p>Said he.</blockquote><table><tr><th>Day<th>Level<tr><td>1<td><code>a_b</code> *</table><h2>Later</h2>
<noscript><p>Scripts are off.</p></noscript><form><select><option>1<option>2</select><textarea><p></textarea></form>
<p hidden>unseen<p style="display: none">unseen</article><div id=comments><p>Nice &#x1F600; page, 1_000 *stars*.</div>
<footer>&copy; 2024 <a href="?p=1">Imprint</a></footer><!-- end --><template><p>later</template></body></html>"""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containment, "MOST_SECONDS", 20.0)


def test_mutations_are_a_pure_function_of_page_and_number() -> None:
    made = [mutation(PAGE.encode(), number) for number in range(3 * len(WAYS))]
    assert made == [mutation(PAGE.encode(), number) for number in range(3 * len(WAYS))]
    assert len(set(made)) > 2 * len(WAYS)
    assert mutation(PAGE.encode() + b" ", 1) != mutation(PAGE.encode(), 1) + b" "
    assert [mutation(b"", number) for number in range(len(WAYS))]


def test_mutations_of_small_pages_through_our_engines() -> None:
    sources = [PAGE.encode(), *(text.encode() for name in ("bisect", "textwrap", "abc") if (text := page(name)))]
    pages = [mutation(sources[number % len(sources)], number) for number in range(300)]
    rules = Counter(checked(OURS, outcomes(OURS, pages)))
    assert rules["text"] > 200 * len(OURS)


@pytest.mark.long
def test_mutations_of_real_pages_through_our_engines(evaluation_data: Path) -> None:
    run(OURS, real_pages(evaluation_data, most=100_000), 10_000)
    run(OURS, real_pages(evaluation_data, least=100_000, most=300_000), 200)


@pytest.mark.long
def test_mutations_of_real_pages_through_other_engines(evaluation_data: Path) -> None:
    run(OTHERS, real_pages(evaluation_data, most=60_000), 500)


def run(methods: Sequence[Extraction], sources: Sequence[bytes], count: int) -> None:
    """Every mutation through every method, and each fiftieth again when all are done."""

    def mutations(step: int) -> Iterator[bytes]:
        return (mutation(sources[number % len(sources)], number) for number in range(0, count, step))

    kept: list[list[Outcome]] = []

    def first() -> Iterator[tuple[bytes, list[Outcome]]]:
        for number, (each, found) in enumerate(outcomes(methods, mutations(1), processes=2)):
            if number % 50 == 0:
                kept.append(found)
            yield each, found

    rules = Counter(checked(methods, first()))
    assert [found for _, found in outcomes(methods, mutations(50))] == kept
    names = ", ".join(method.method for method in methods)
    print(f"\n{count:,} mutations of {len(sources)} pages through each of {names}: {dict(rules.most_common())}")
    assert rules.total() == count * len(methods)


def checked(methods: Sequence[Extraction], found: Iterator[tuple[bytes, list[Outcome]]]) -> Iterator[str]:
    """The rules of refusals, and `text`, once each outcome has been looked at."""
    for payload, made in found:
        words = len(re.findall(r"\w+", decode(payload, markup=True).text.replace("\0", "")))
        for method, outcome in zip(methods, made, strict=True):
            about = f"{method.method} ({method.parameters()}): {outcome!r:.200}"
            if isinstance(outcome, Refused):
                assert EXPECTED.fullmatch(outcome.rule), about
                yield outcome.rule
                continue
            assert isinstance(outcome, Extracted), about
            told = " ".join((outcome.text, outcome.title or "", outcome.language or "", *outcome.meta.values()))
            assert "\0" not in told, about
            told.encode()
            # No text twice: a marker of a list is a word, but so is the tag of its item.
            assert len(re.findall(r"\w+", outcome.text.replace("\\", ""))) <= words, about
            yield "text"


def real_pages(data: Path, least: int = 0, most: int = 1 << 30) -> list[bytes]:
    pages = [each.html for folder in ("wcxb", "readability-pages") for each in read_folder(data / folder).pages]
    return [each for each in pages if least <= len(each) < most]


CHECKED = textwrap.dedent(
    """
    import importlib, json, sys
    from pathlib import Path

    import numba
    import numpy as np
    from numba.core.dispatcher import Dispatcher

    from extracted_text.extracted_records import record
    from extracted_text.mutations import mutation
    from extracted_text.test_mutations import ASKING, OURS, PAGE, page, real_pages

    @numba.njit
    def beyond(array, at):
        return array[at]

    try:
        beyond(np.zeros(3), 3)
    except IndexError:
        pass
    else:
        sys.exit("bounds are not checked")
    pages = [PAGE.encode(), page("abc").encode(), b"", b"<br>", b"<p>text<br><br>", *real_pages(Path(sys.argv[1]), most=40_000)]
    for number in range(300):
        payload = mutation(pages[number % len(pages)], number) if number >= len(pages) else pages[number]
        for method in OURS if number % 3 else (*OURS, ASKING):
            method.extract(payload, record(payload))
    names = {}
    for name in sys.argv[2:]:
        module = importlib.import_module(f"data4llm_assets.{name}")
        kernels = [each for each in vars(module).values() if isinstance(each, Dispatcher)]
        names[name] = sorted(each.__name__ for each in kernels if not each.signatures)
    print(json.dumps(names))
    """
)
KERNELS = (
    "extracted_text.dom.slimming", "extracted_text.dom.scan", "extracted_text.dom.measures", "extracted_text.dom.context",
    "extracted_text.dom.outline", "extracted_text.dom.writing", "extracted_text.bte", "extracted_text.dragnet_features",
    "models.boosted_trees",
)  # fmt: skip


@pytest.mark.long
def test_no_compiled_loop_looks_beyond_its_arrays(evaluation_data: Path, tmp_path: Path) -> None:
    """A write beyond an array goes unnoticed in any other process, or ends it far from where it happened."""
    numba = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    environment = {**os.environ, **numba, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", CHECKED, str(evaluation_data), *KERNELS]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3_000:]
    # By module, the kernels that nothing has reached.
    assert json.loads(ran.stdout) == {name: [] for name in KERNELS}
