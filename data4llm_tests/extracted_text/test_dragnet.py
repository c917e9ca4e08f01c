from __future__ import annotations

import json
import os
from math import exp, log
from pathlib import Path

import numpy as np
import pytest

from data4llm_assets.extracted_text import dragnet
from data4llm_assets.extracted_text.dom.lexicon import CLASS_NAMES
from data4llm_assets.extracted_text.dom.tree import Tree, parse
from data4llm_assets.extracted_text.dragnet import SHIPPED, Dragnet, Model
from data4llm_assets.extracted_text.dragnet_features import NAMES, TOKENS, dragnet_features
from data4llm_assets.extracted_text.extraction import Extracted, Refused
from data4llm_assets.method import ModelUnavailable
from data4llm_assets.models.model_file import ModelFileError, read, write
from extracted_text.extracted_records import extracted, record, refused, survives_rubbish, word_f1

HTML = Dragnet()
SENTENCE = "The quick brown fox jumps over the lazy dog, and the dog does not mind it in the least. "
PAGE = f"""<!DOCTYPE html><html lang="en-GB"><head><title> A  title </title><script>var secret = 1;</script></head><body>
<div class="menu"><ul><li><a href="/">Home</a><li><a href="/about">About us</a></ul></div>
<div class="content"><h1>Heading of it</h1><p>{SENTENCE * 3}<p>{SENTENCE * 2}<p>{SENTENCE * 4}</div>
<div id="footer"><a href="/c">Copyright</a> <a href="/d">Cookies</a></div></body></html>"""


def tree_of(html: str) -> Tree:
    tree = parse(html)
    assert isinstance(tree, Tree)
    return tree


def smoothed(values: list[float]) -> list[float]:
    """By a Gaussian of one block, four blocks to either side; the first and the last value stand for what is beyond."""
    weights = {offset: exp(-offset * offset / 2) for offset in range(-4, 5)}
    return [
        sum(weight * values[min(max(place + offset, 0), len(values) - 1)] for offset, weight in weights.items())
        / sum(weights.values())
        for place in range(len(values))
    ]


def test_features_are_those_counted_by_hand() -> None:
    page = (
        '<div class="nav"><a>Home</a> <a>About us</a></div>'
        '<div class="content"><h1>Cats</h1><p>Cats sleep, eat and <a>purr</a> all day long.</p>bare text</div>'
    )
    found = dragnet_features(tree_of(page))
    assert found.words.tolist() == [3, 1, 8, 2]
    assert found.row.tolist() == [0, 1, 2, 3]
    # Each is shorter than a line of 80 characters: as many words as it has.
    density = [log(4), log(2), log(9), log(3)]
    links = [3 / 3, 0 / 1, 1 / 8, 0 / 2]
    # Characters of words with one space between two, by tags since the block before: html body div a a; div h1; p a; none, so 1.
    characters = [11 + 2, 4, 29 + 7, 8 + 1]
    ratio = smoothed([log(1 + count / tags) for count, tags in zip(characters, [5, 2, 2, 1], strict=True)])
    ahead = [sum(ratio[min(place + step, 3)] for step in (1, 2, 3)) / 3 for place in range(4)]
    change = [abs(each) for each in smoothed([mean - own for mean, own in zip(ahead, ratio, strict=True)])]
    # The paragraph alone has 25 characters: 1, a comma, 36 of 100 characters. All goes to the div, half to body; its class adds 25.
    # One of the 11 words in the div is a link, four of the 14 in body.
    div, body = (2.36 + 25) * 10 / 11, 1.18 * 10 / 14
    readability = [body / div, 1, 1, 1]
    expected = [
        [0, *density[:3]], density, [*density[1:], 0], [0, *links[:3]], links, [*links[1:], 0], ratio, change, readability,
        *([float(name == "nav"), *[float(name == "content")] * 3] for name in TOKENS),
    ]  # fmt: skip
    assert found.blocks.dtype == np.float32
    assert found.blocks.shape == (4, len(NAMES)) == (4, 9 + 36)
    for name, column, values in zip(NAMES, found.blocks.T, expected, strict=True):
        assert column.tolist() == pytest.approx(values, abs=1e-6), name


def test_a_line_has_80_characters() -> None:
    density = dragnet_features(tree_of("<p>" + "abcd " * 40)).blocks[0, NAMES.index("text_density")]
    assert density == pytest.approx(log(1 + 40 * 80 / 199))


def test_tokens_are_36_of_the_groups_of_class_names() -> None:
    assert len(set(TOKENS)) == 36
    assert set(TOKENS) < set(CLASS_NAMES)


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ("<ul><li>a<li>b<ul><li>c</ul></ul>d", [0, 0, 0, 0]),
        ("<section>a</section><article>b<header>c</header></article>", [0, 0, 0]),
        ("<div>a<p>b</p>c</div>d", [0, 1, 2, 3]),
        ("a<h3>b</h3>c<map>d</map>e", [0, 1, 2, 3, 4]),
        ("<table><tr><td>a<td>b<tr><td>c</table>d", [0, 0, 0, 1]),
        # One without text parts its neighbours, too.
        ("a<div></div>b<section></section>c", [0, 1, 1]),
        ("a<br><br>b", [0, 0]),
        # What has no word is no block of its own, but goes with the others of its block.
        ("<p>&mdash;</p><p>a</p><ul><li>*<li>b</ul>", [-1, 0, 1, 1]),
        ("<p>*</p>", [-1]),
        ("", []),
    ],
)
def test_blocks_are_parted_by_headings_paragraphs_divisions_and_tables_alone(body: str, rows: list[int]) -> None:
    assert dragnet_features(tree_of(f"<body>{body}</body>")).row.tolist() == rows


def test_running_text_is_kept_and_menus_and_footers_are_not() -> None:
    found = extracted(HTML, PAGE)
    text = "\n\n".join((SENTENCE * times).strip() for times in (3, 2, 4))
    assert found.text == f"Heading of it\n\n{text}"
    assert (found.title, found.language, found.meta["engine"]) == ("A title", "en", "dragnet")
    assert extracted(Dragnet(format="markdown"), PAGE).text == f"# Heading of it\n\n{text}"


def written(path: Path, record: object = None, **weights: float) -> str:
    """A model of these weights on features as they are; its path."""
    count = len(NAMES)
    found = np.array([weights.get(name, 0.0) for name in NAMES])
    model = Model(np.zeros(count), np.ones(count), found, weights.get("bias", 0.0))
    write(path, dragnet.KIND, dragnet.VERSION, model.arrays(), {"features": list(NAMES)} if record is None else record)  # type: ignore[arg-type]
    return str(path)


def test_a_model_of_ones_own_decides(tmp_path: Path) -> None:
    links_only = Dragnet(model=written(tmp_path / "a.model", link_density=4, bias=-2))
    assert extracted(links_only, PAGE).text == "- Home\n- About us\n\nCopyright Cookies"
    assert links_only.models() != HTML.models()
    # Half a chance is not enough; less than that is, where the threshold is lower.
    none, everything = Dragnet(model=written(tmp_path / "b.model")), Dragnet(model=written(tmp_path / "b.model"), threshold=0.49)
    assert extracted(none, PAGE).text == ""
    assert extracted(everything, PAGE).text.startswith("- Home\n- About us\n\nHeading of it")


def test_who_a_model_is_says_its_digest_and_not_its_path(tmp_path: Path) -> None:
    here, there = written(tmp_path / "a.model", bias=1), written(tmp_path / "b.model", bias=1)
    one, other = Dragnet(model=here), Dragnet(model=there)
    assert (one.identity(), one.parameters()) == (other.identity(), other.parameters())
    assert "model" not in one.parameters()
    assert HTML.identity()["models"] == {"dragnet.model": read(SHIPPED, "dragnet", 1).digest}
    before = one.models()
    written(tmp_path / "a.model", bias=2)
    os.utime(here, ns=(1, 1))
    assert one.models() != before


def test_a_file_that_is_no_model_of_dragnets_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.model"
    whole = SHIPPED.read_bytes()
    path.write_bytes(whole[:-40])
    cut = Dragnet(model=str(path))
    for ask in (cut.models, cut.identity, lambda: extracted(cut, PAGE)):
        with pytest.raises(ModelFileError, match="cut short or damaged"):
            ask()
    for kind, version, told in (("blocks", 1, "of kind 'blocks', and 'dragnet' is wanted"), ("dragnet", 9, "of version 9")):
        write(tmp_path / f"{kind}.model", kind, version, {}, {})
        with pytest.raises(ModelFileError, match=told):
            Dragnet(model=str(tmp_path / f"{kind}.model")).models()
    with pytest.raises(ModelFileError, match="trained on other features"):
        Dragnet(model=written(tmp_path / "c.model", {"features": list(NAMES[1:])})).prepare()
    with pytest.raises(ModelUnavailable, match=r"nowhere\.model"):
        Dragnet(model=str(tmp_path / "nowhere.model")).models()


def test_the_shipped_model_says_what_it_was_made_of() -> None:
    told = read(SHIPPED, dragnet.KIND, dragnet.VERSION).record
    assert told["features"] == list(NAMES)
    assert told["pages"] > 200
    assert 0.8 < told["sites_unseen"]["all pages"]["f1"] < 0.9
    json.dumps(told)


def test_a_page_does_not_depend_on_the_pages_before_it() -> None:
    pages = [PAGE.replace("Heading", f"Heading {number}" * 9) for number in range(4)] + ["", "<p>x"]

    def texts(pages: list[str]) -> list[Extracted | Refused]:
        return [HTML.extract(page.encode(), record(b"")) for page in pages]

    assert texts(pages[::-1]) == texts(pages)[::-1]


def test_large_pages_take_time_in_proportion() -> None:
    assert extracted(HTML, "<div>x</div>" * 60_000).text == ""
    assert len(extracted(HTML, PAGE.replace("<p>", "<p>" + "word " * 1_000_000, 1)).text) > 5_000_000


def test_limits_and_rubbish() -> None:
    assert refused(Dragnet(max_depth=50), "<div>" * 300 + SENTENCE) == ("extracted_text.max_depth", 50)
    assert refused(Dragnet(max_elements=40), "<p>x" * 50) == ("extracted_text.max_elements", 40)
    assert refused(Dragnet(max_bytes=10), PAGE) == ("extracted_text.max_bytes", 10)
    assert survives_rubbish(HTML)


def test_score_on_pages_whose_main_text_is_known(evaluation_data: Path) -> None:
    """It was trained on more than half of these pages: its figure for sites unseen is in the record of the model."""
    assert word_f1(HTML, evaluation_data) > 0.75
