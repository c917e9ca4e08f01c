"""Releases and garbage, killed at every change they make, and at random moments from outside."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path
from threading import Event, Thread

import pytest
from crashes import every_death
from notes import build, recipe

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine import collecting
from data4llm_assets.engine.garbage import collect
from data4llm_assets.engine.repair import examine
from data4llm_assets.engine.store import Store

LOOP = """
import sys
from notes import recipe
from itertools import count
from pathlib import Path
from threading import Event, Thread
from data4llm_assets.corpus import Corpus
from data4llm_assets.engine import collecting
from data4llm_assets.engine.garbage import collect
collecting.VALID = 1.0  # whoever was killed before holds us up for a second only
folder, first = Path(sys.argv[1]), int(sys.argv[2])
corpus = Corpus(recipe(folder / "notes"), folder / "store")
print("ready", flush=True)
for number in range(first, first + 10_000):
    corpus.freeze(f"v{number}")
    if number % 3:
        corpus.releases.delete(f"v{number}")
    try:
        collect(corpus.store, forget=True, older_than=0, delete=True)
    except collecting.Collecting:
        pass
"""


def test_a_release_that_dies_anywhere_is_whole_or_not_there(town: Path) -> None:
    corpus = Corpus(recipe(town / "notes"), town / "store")
    expected = corpus.read("filtered")
    deaths = 0
    for number in every_death(corpus.store.uri, lambda mortal: Corpus(recipe(town / "notes"), mortal).freeze("v1")):
        deaths += 1
        found = corpus.releases.all()
        assert found == {} or number == deaths - 1
        if found:
            assert corpus.release("v1").read("filtered").equals(expected)
            corpus.releases.delete("v1")
    assert deaths >= 4
    assert corpus.release("v1").read("filtered").equals(expected)


def test_claims_of_the_dead_keep_their_files_until_they_are_old(town: Path) -> None:
    corpus = Corpus(recipe(town / "notes"), town / "store")
    names = (f"v{number}" for number in count())
    for _ in every_death(corpus.store.uri, lambda mortal: Corpus(recipe(town / "notes"), mortal).freeze(next(names))):
        pass
    for name in corpus.releases.all():
        corpus.releases.delete(name)
    store = corpus.store
    assert list(store.objects("claims/"))
    build(recipe(town / "notes", min_words=9), store.uri)
    assert collect(store, forget=True, older_than=3600, delete=True)["temporary files"][0] == 0
    collect(store, forget=True, older_than=0, delete=True)
    assert not list(store.objects("claims/"))
    assert examine(store, rows=True) == ([], [], [], [], [])


def test_garbage_that_goes_while_a_release_is_made_is_noticed(town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = Corpus(recipe(town / "notes"), town / "store")
    put_json = corpus.store.put_json

    def late(path: str, value: object) -> None:
        # After the plan and before the claim another recipe becomes current, and what was current is collected.
        monkeypatch.setattr(corpus.store, "put_json", put_json)
        build(recipe(town / "notes", min_words=9), town / "store")
        collect(Store(corpus.store.uri), forget=True, older_than=0, delete=True)
        put_json(path, value)

    monkeypatch.setattr(corpus.store, "put_json", late)
    with pytest.raises(ValueError, match="was collected meanwhile"):
        corpus.freeze("v1")
    assert corpus.releases.all() == {}
    assert not list(corpus.store.objects("claims/"))


def test_a_release_waits_while_garbage_is_deleted(town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = Corpus(recipe(town / "notes"), town / "store")
    looked, held = Event(), collecting._held
    monkeypatch.setattr(collecting, "_held", lambda store: looked.set() or held(store))  # type: ignore[func-returns-value]
    maker = Thread(target=lambda: corpus.freeze("v1"))
    with collecting.lease(Store(corpus.store.uri)):
        looked.clear()
        maker.start()
        assert looked.wait(10)
        assert Corpus(recipe(town / "notes"), town / "store").releases.all() == {}
        assert maker.is_alive()
    maker.join(10)
    assert list(corpus.releases.all()) == ["v1"]


@pytest.mark.long
def test_releases_and_collections_killed_at_random_lose_nothing(town: Path, tmp_path: Path) -> None:
    chance = random.Random(11)
    corpus = Corpus(recipe(town / "notes"), town / "store")
    kept = corpus.freeze("kept")
    expected, digest = kept.read("filtered"), kept.digest
    build(recipe(town / "notes", min_words=9), town / "store")
    build(recipe(town / "notes"), town / "store")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for number in range(12):
        arguments = [sys.executable, "-c", LOOP, str(town), str(1 + 10_000 * number)]
        loop = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)
        assert loop.stdout is not None
        assert loop.stdout.readline() == "ready\n"
        try:
            loop.wait(chance.uniform(0.05, 1.2))
        except subprocess.TimeoutExpired:
            os.kill(loop.pid, signal.SIGKILL)
        assert loop.wait() == -signal.SIGKILL
        now = Corpus(recipe(town / "notes"), town / "store")
        assert now.plan().current
        assert now.release("kept").digest == digest
        for name in now.releases.all():
            assert now.release(name).digest == digest
            assert now.release(name).read("filtered").equals(expected)
        assert examine(now.store, rows=True) == ([], [], [], [], [])
    assert any(name != "kept" for name in corpus.releases.all())
    shutil.rmtree(tmp_path / "town")


def test_the_dead_hold_a_lease_for_minutes_only() -> None:
    assert 60 <= collecting.VALID <= 600
