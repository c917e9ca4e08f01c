from __future__ import annotations

import pickle
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from data4llm_assets.evaluation.extraction import evaluate
from data4llm_assets.evaluation.labelled_pages import part, read_folder
from data4llm_assets.extracted_text.auto import Auto
from data4llm_assets.extracted_text.blocks import BlockExtraction, Blocks
from data4llm_assets.extracted_text.documents import extracted as outcome
from data4llm_assets.extracted_text.extraction import Extracted, Refused
from data4llm_assets.extracted_text.page_types import PAGE_TYPES
from data4llm_assets.extracted_text.stage import ExtractedText
from data4llm_assets.extracted_text.trafilatura import Trafilatura
from data4llm_assets.extracted_text.trained import KIND, SHIPPED, VERSION
from data4llm_assets.method import ModelUnavailable
from data4llm_assets.models.model_file import ModelFileError, read
from extracted_text.extracted_records import extracted, record, refused, survives_rubbish
from extracted_text.own_models import short_blocks
from extracted_text.pages_of_kinds import ARTICLE, DESCRIPTION, FORUM, PARAGRAPHS, POSTS, PRODUCT

BOILERPLATE = (
    "Harbour Post", "Log in", "Share on", "Most read", "Ferry is late", "Privacy", "Copyright", "cookies", "Add to cart",
    "You may also", "Anchor", "Terms of Service", "Categories",
)  # fmt: skip


@pytest.mark.parametrize("method", [Blocks(), Auto()])
@pytest.mark.parametrize(("page", "passages"), [(ARTICLE, PARAGRAPHS), (FORUM, POSTS), (PRODUCT, DESCRIPTION)])
def test_what_a_reader_came_for_is_kept_and_the_rest_is_not(method: BlockExtraction, page: str, passages: tuple[str, ...]) -> None:
    text = extracted(method, page).text
    places = [text.index(passage) for passage in passages]
    assert places == sorted(places)
    assert [words for words in BOILERPLATE if words in text] == []


def test_both_forms_of_an_article() -> None:
    first, second, third, fourth = PARAGRAPHS
    for form, heading in (("plain", "A ferry instead"), ("markdown", "## A ferry instead")):
        found = extracted(Blocks.model_validate({"format": form}), ARTICLE)
        assert found.text.endswith("\n\n".join([first, second, heading, third, fourth]))
        assert (found.title, found.language) == ("Bridge closes early | The Harbour Post", "en")
        assert found.meta["engine"] == "blocks"


@pytest.mark.parametrize("method", [Blocks(), Auto()])
def test_parts_are_told_with_their_scores(method: BlockExtraction) -> None:
    parts = method.judged(ARTICLE.encode(), record(b""))
    found = {part.text: part for part in parts}
    assert [part.text for part in parts][:3] == ["The Harbour Post", "News", "Town"]
    assert found["News"].place == "header › nav › ul › li"
    assert found[PARAGRAPHS[0]].place == "main › article › p"
    assert found["Accept all cookies"].place == "div"
    assert found["Share on Facebook Tweet"].kept is False
    kept = [part for part in parts if part.kept]
    assert {*PARAGRAPHS} <= {part.text for part in kept}
    assert all(0 < part.score < 1 for part in parts)
    assert min(part.score for part in kept) > max(part.score for part in parts if not part.kept)
    # What is kept is what the text is made of.
    assert extracted(method, ARTICLE).text == "\n\n".join(part.text for part in kept)


def test_parts_are_on_one_line_and_as_characters() -> None:
    page = f"<p>R&amp;D,<br>\n and  <b>more</b>&nbsp;so.</p><p>*</p><x-a>{PARAGRAPHS[0]}"
    parts = Blocks().judged(page.encode(), record(b""))
    assert parts[0].text == "R&D, and more so."
    assert len(parts) == 2
    assert Blocks(max_bytes=10).judged(ARTICLE.encode(), record(b"")) == ()
    assert Blocks(max_depth=3).judged(ARTICLE.encode(), record(b"")) == ()
    assert Blocks().judged(b"", record(b"")) == ()
    assert Trafilatura().judged(ARTICLE.encode(), record(b"")) == ()


def test_the_parts_of_a_large_page_are_told_in_time_in_proportion() -> None:
    begun = time.process_time()
    assert len(Blocks().judged(b"<p>word of it</p>" * 20_000, record(b""))) == 20_000
    assert time.process_time() - begun < 10


def test_more_strictness_gives_no_more_text() -> None:
    counts = [
        [len(extracted(Blocks(strictness=strictness), page).text.split()) for strictness in (0.1, 0.5, 1, 2, 5, 10)]
        for page in (ARTICLE, FORUM, PRODUCT)
    ]
    for each in counts:
        assert each == sorted(each, reverse=True)
        assert each[-1] > 0
    assert sum(each[0] for each in counts) > sum(each[-1] for each in counts)


def test_a_recipe_names_its_parameters() -> None:
    section = ExtractedText.model_validate({"html": {"method": "blocks", "strictness": 2, "format": "markdown"}})
    assert section.by_media_type()["text/html"] == Blocks(strictness=2, format="markdown")
    for wrong in ({"strictness": 0}, {"max_depth": 0}, {"threshold": 0.5}):
        with pytest.raises(ValidationError):
            Blocks.model_validate(wrong)


@pytest.fixture
def own(tmp_path: Path) -> str:
    return short_blocks(tmp_path / "own.model")


def test_a_model_of_ones_own_decides(own: str) -> None:
    found = extracted(Blocks(model=own), f"<p>{PARAGRAPHS[0]}</p><p>A short one.</p><p>{PARAGRAPHS[1]}</p>")
    assert found.text == "A short one."


def test_who_a_model_is_says_its_digest_and_not_its_path(own: str, tmp_path: Path) -> None:
    (tmp_path / "copy.model").write_bytes(Path(own).read_bytes())
    one, other = Blocks(model=own), Blocks(model=str(tmp_path / "copy.model"))
    assert (one.identity(), one.parameters()) == (other.identity(), other.parameters())
    assert one.identity()["models"] == {"extractor": read(Path(own), KIND, VERSION).digest}
    assert Blocks().models() == {"extractor": read(SHIPPED, KIND, VERSION).digest} != one.models()


@pytest.mark.parametrize("method", [Blocks, Auto])
def test_a_model_that_is_not_there_or_is_none_stops_everything(method: type[BlockExtraction], tmp_path: Path) -> None:
    """A page after the other would fail: that is no page's fault."""
    missing = method.model_validate({"model": str(tmp_path / "none.model")})
    for ask in (missing.models, missing.identity, lambda: outcome(missing, record(b"<p>text"))):
        with pytest.raises(ModelUnavailable, match=rf"{missing.method} needs .*none\.model.*data4llm train extractor"):
            ask()
    (tmp_path / "cut.model").write_bytes(SHIPPED.read_bytes()[:-1])
    with pytest.raises(ModelFileError, match=r"cut\.model: the file is cut short"):
        method.model_validate({"model": str(tmp_path / "cut.model")}).identity()


@pytest.mark.parametrize("method", [Blocks(strictness=2), Auto(confidence=1, second_opinion=PAGE_TYPES)])
def test_a_method_goes_to_other_processes(method: BlockExtraction) -> None:
    extracted(method, ARTICLE)
    other = pickle.loads(pickle.dumps(method))
    assert other == method
    assert extracted(other, ARTICLE) == extracted(method, ARTICLE)


@pytest.mark.parametrize("method", [Blocks(), Auto(confidence=1, second_opinion=PAGE_TYPES)])
def test_a_page_does_not_depend_on_the_pages_before_it(method: BlockExtraction) -> None:
    pages = [ARTICLE, FORUM, "", PRODUCT, "<p>x", ARTICLE.replace("bridge", "tower"), "<title>" * 9]

    def texts(pages: list[str]) -> list[Extracted | Refused]:
        return [method.extract(page.encode(), record(b"")) for page in pages]

    assert texts(pages[::-1]) == texts(pages)[::-1]


@pytest.mark.parametrize("method", [Blocks, Auto])
def test_limits_and_rubbish(method: type[BlockExtraction]) -> None:
    wide = "<html><body>" + "<p>x" * 50
    assert refused(method.model_validate({"max_elements": 40}), wide) == ("extracted_text.max_elements", 40)
    assert refused(method.model_validate({"max_depth": 30}), "<div>" * 40 + "text") == ("extracted_text.max_depth", 30)
    assert refused(method.model_validate({"max_bytes": 10}), wide) == ("extracted_text.max_bytes", 10)
    assert survives_rubbish(method.model_validate({}))
    assert outcome(method.model_validate({}), record(b"<p>*</p>")) == Refused("extracted_text.empty", "no text was found")


@pytest.mark.parametrize("text", ["数据质量决定模型质量，所以我们先看数据。", "ⴰⵣⵓⵍ ⴼⵍⵍⴰⵡⵏ ⵎⴰⵏⵣⴰⴽⵉⵏ"])
def test_pages_in_any_writing_have_text(text: str) -> None:
    assert text in extracted(Blocks(), f"<main><article><p>{text * 9}</p><p>{text * 9}</p></article></main>").text


def test_scores_on_pages_whose_main_text_is_known(evaluation_data: Path) -> None:
    """Pages of sites that no model has seen. A third of them, to be quick: the whole is in `data4llm evaluate extraction`."""
    pages = [page for page in read_folder(evaluation_data / "wcxb").pages if part(page.site) == "report"][::3]
    assert len(pages) >= 30
    found = evaluate({"trafilatura": Trafilatura(), "blocks": Blocks(), "auto": Auto()}, pages)
    f1 = {name: values.mean() for name, values in found.f1().items()}
    assert f1["blocks"] >= f1["trafilatura"] - 0.005
    assert f1["auto"] > f1["trafilatura"]
