from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from synthetic_sites import PAGES, page_of

from data4llm_assets.evaluation.extraction import score, words
from data4llm_assets.evaluation.labelled_pages import LabelledPage, part, read_folder
from data4llm_assets.extracted_text.auto import Auto
from data4llm_assets.extracted_text.block_model import COLUMNS
from data4llm_assets.extracted_text.blocks import Blocks
from data4llm_assets.extracted_text.extraction import Extracted, Refused
from data4llm_assets.extracted_text.page_types import PAGE_TYPES
from data4llm_assets.extracted_text.trained import KIND, SHIPPED, VERSION
from data4llm_assets.models.model_file import read
from data4llm_assets.raw_crawl.source import Record
from data4llm_assets.training import extractor
from data4llm_assets.training.extractor import FOLDS, LEAST_PAGES, Trained, data_digest, fold, prepare, train, weights, write

UNSEEN = tuple(page_of(site, number) for site in (100, 101, 102) for number in range(2))


@pytest.fixture(scope="module")
def few_rounds() -> Iterator[None]:
    """A tenth of the trees is enough for pages that machines wrote."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extractor, "BLOCK_ROUNDS", 15)
        patch.setattr(extractor, "TYPE_ROUNDS", 8)
        yield


@pytest.fixture(scope="module")
def trained(few_rounds: None) -> Trained:
    return train(PAGES, UNSEEN)


def test_the_same_pages_give_the_same_bytes_in_whatever_order(trained: Trained, tmp_path: Path) -> None:
    write(trained, tmp_path / "a.model")
    write(train(PAGES[::-1], UNSEEN[::-1]), tmp_path / "b.model")
    assert (tmp_path / "a.model").read_bytes() == (tmp_path / "b.model").read_bytes()


def test_a_model_finds_the_text_of_sites_it_has_not_seen(trained: Trained, tmp_path: Path) -> None:
    write(trained, tmp_path / "a.model")
    model = str(tmp_path / "a.model")
    for method in (Blocks(model=model), Auto(model=model, confidence=1, second_opinion=PAGE_TYPES)):
        for page in UNSEEN:
            found = method.extract(page.html, Record((page.name,), "", "", page.html, "", "text/html"))
            assert isinstance(found, Extracted)
            assert score(Counter(words(found.text)), Counter(words(page.text))).f1 > 0.95, (method.method, page.name)


def test_a_model_knows_what_it_was_made_of(trained: Trained, tmp_path: Path) -> None:
    write(trained, tmp_path / "a.model")
    record = read(tmp_path / "a.model", KIND, VERSION).record
    assert record == trained.record
    assert (record["pages"], record["sites"], record["data"]) == (36, 12, data_digest(PAGES))
    assert record["columns"] == {name: list(columns) for name, columns in COLUMNS.items()}
    assert record["parameters"]["rounds"] == 15
    assert record["parameters"]["blocks"]["max_bin"] == 63
    assert set(record["libraries"]) == {"lightgbm", "trafilatura", "Resiliparse"}
    told = record["scores"]["held_out"]
    assert (told["pages"], told["data"]) == (6, data_digest(UNSEEN))
    assert 0.95 < told["second"] <= 1
    assert 0.95 < told["joint"] <= 1
    assert 0 <= told["types"] <= 1


def test_without_pages_held_out_nothing_is_said_of_its_worth(few_rounds: None) -> None:
    lines: list[str] = []
    assert train(PAGES[:24], tell=lines.append).record["scores"] == {}
    assert lines[0].startswith("24 pages of 8 sites, ")


def test_pages_of_one_kind_alone_are_enough(few_rounds: None, tmp_path: Path) -> None:
    """Users say of few pages what kind they are."""
    write(train([page._replace(page_type="article") for page in PAGES]), tmp_path / "a.model")
    auto = Auto(model=str(tmp_path / "a.model"))
    types = [auto.choose(page.html.decode(), Record((), "", "", b"", "", "")) for page in UNSEEN]
    assert {found.page_type for found in types if not isinstance(found, Refused)} == {"article"}


def test_too_few_pages_or_sites_are_refused() -> None:
    with pytest.raises(ValueError, match=f"19 pages with text of 7 sites: at least {LEAST_PAGES} of {FOLDS} are needed"):
        train(PAGES[:19])
    empty = [page._replace(html=b"<p>*</p>") for page in PAGES[19:]]
    with pytest.raises(ValueError, match="19 pages with text of 7 sites"):
        train([*PAGES[:19], *empty])
    with pytest.raises(ValueError, match="36 pages with text of 4 sites"):
        train([page._replace(site=f"{number % 4}.org") for number, page in enumerate(PAGES)])
    alike = [f"{number}.org" for number in range(100) if fold(f"{number}.org") == 2][:5]
    with pytest.raises(ValueError, match="all 5 sites are of one fold"):
        train([page._replace(site=alike[number % 5]) for number, page in enumerate(PAGES)])


def test_a_page_is_prepared_or_passed_over() -> None:
    found = prepare(PAGES[0])
    assert found is not None
    assert len(found.labels) == len(found.features.rows)
    assert set(found.labels.tolist()) == {0, 1}
    assert found.other
    for html in (b"", b"<p>*</p>", b"<div>" * 2_000 + b"deep"):
        assert prepare(PAGES[0]._replace(html=html)) is None


def test_pages_of_one_name_are_in_one_order() -> None:
    one, other = PAGES[0]._replace(name="index"), PAGES[1]._replace(name="index")
    assert data_digest([one, other]) == data_digest([other, one])
    assert data_digest([one]) != data_digest([one._replace(text="Another")]) != data_digest([one, other])


def test_sites_are_spread_over_folds() -> None:
    folds = [fold(f"site{number}.org") for number in range(500)]
    assert set(folds) == set(range(FOLDS))
    assert min(folds.count(number) for number in range(FOLDS)) > 60


def test_every_page_weighs_about_the_same() -> None:
    for counts in ([1], [100, 1, 4], [3] * 50):
        found = weights(np.array(counts, np.float32))
        assert found.sum() == pytest.approx(100 + 0.02 * len(counts))
    assert weights(np.array([100, 1], np.float32)).tolist() == pytest.approx([1000 / 11 + 0.02, 100 / 11 + 0.02])


def test_the_record_of_the_shipped_model_is_complete() -> None:
    record = read(SHIPPED, KIND, VERSION).record
    assert record["pages"] >= record["sites"] > 200
    assert 0.8 < record["scores"]["held_out"]["second"] < 1
    assert {f"type_{name}" for name in PAGE_TYPES} < set(record["columns"]["joint"])


@pytest.mark.long
def test_the_shipped_model_is_as_good_as_one_that_is_trained_again(evaluation_data: Path) -> None:
    """Not equal byte by byte: another processor may round a sum otherwise, and another tree grows."""
    every: list[LabelledPage] = []
    for name in ("wcxb", "readability-pages"):
        every += read_folder(evaluation_data / name).pages
    develop, report = ([page for page in every if part(page.site) == name] for name in ("develop", "report"))
    found = train(develop, report).record
    shipped = read(SHIPPED, KIND, VERSION).record
    assert (found["data"], found["pages"], found["columns"]) == (shipped["data"], shipped["pages"], shipped["columns"])
    for name in ("first", "second", "joint"):
        assert found["scores"]["held_out"][name] == pytest.approx(shipped["scores"]["held_out"][name], abs=0.005), name
