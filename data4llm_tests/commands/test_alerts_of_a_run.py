"""`data4llm run` on a recipe that is refused, with a webhook and a mail server on loopback; and what it leaves lying about."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands_fixture import command, environment
from listeners import Hook, Mail, certificate, closed_port, serving

pytestmark = pytest.mark.long
PLANTED = "Zx9plantedCREDENTIALq7"
RECIPE = """\
corpus: small
sources:
  notes: {{kind: files, path: notes, domain: text}}
steps:
  - stage: raw_crawl
  - stage: extracted_text
  - stage: filtered
    rules: [{{method: gopher_quality, min_words: {words}}}]
retention: {{filtered: {{min: 0.5, max: 1.0}}}}
alerts:
  webhook: {{url_env: HOOK_URL, timeout: 1}}
  email: {{server: localhost, port: {port}, user: me, password_env: MAIL_PASSWORD, sender: data@example.org, to: [you@example.org]}}
"""
NOTE = "The water of the town is said to be good to drink again, and the people of it have their doubts about that. " * 10


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "notes").mkdir()
    for number in range(12):
        (tmp_path / "notes" / f"{number}.txt").write_text(f"Note {number}. {NOTE}")
    return tmp_path


@pytest.fixture
def mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mail]:
    file, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("MAIL_PASSWORD", PLANTED)
    with serving(Mail(context, PLANTED)) as server:
        yield server


def run(folder: Path, expect: int, **variables: str) -> str:
    done = subprocess.run(
        command("run", "recipe.yaml"),
        cwd=folder,
        env={**environment(folder), **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == expect, done.stderr[-3000:]
    return done.stdout + done.stderr


def lying_about(folder: Path) -> list[str]:
    """Files under a folder that hold the planted credential, or the text of a document."""
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            data = (Path(place) / name).read_bytes()
            if PLANTED.encode() in data:
                found.append(name)
    return found


def test_a_refused_run_tells_both_and_leaves_no_credential(folder: Path, mail: Mail) -> None:
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE.format(words=5000, port=mail.port))
    with serving(Hook()) as hook:
        told = run(folder, 1, HOOK_URL=f"{hook.url}/services/{PLANTED}")
        # The version before: one that is well tells nobody.
        recipe.write_text(RECIPE.format(words=5, port=mail.port))
        told += run(folder, 0, HOOK_URL=f"{hook.url}/services/{PLANTED}")
    ((path, posted),) = hook.posted
    assert path == f"/services/{PLANTED}"
    assert posted["text"].startswith("small: 1 refused (run ")
    assert "refused filtered notes-0|first: [abundance] retention is 0, outside 0.5 to 1." in posted["text"]
    (found,) = posted["findings"]
    assert (found["asset"], found["partition"]) == ("filtered", "notes-0|first")
    assert [each["observed"] for each in found["expectations"] if each["column"] == "retention"] == [0.0]
    (message,) = mail.messages
    assert "Subject: data4llm small: 1 refused" in message
    assert "water" not in str(posted) + message
    assert "could not be delivered" not in told
    assert PLANTED not in told
    assert lying_about(folder) == []


def test_an_error_that_stops_the_whole_run_is_told(tmp_path: Path, mail: Mail) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(words=5, port=mail.port))
    with serving(Hook()) as hook:
        told = run(tmp_path, 2, HOOK_URL=hook.url)
    assert "there is no file or folder" in told
    assert [posted["text"].splitlines()[:2] for _, posted in hook.posted] == [["small: 1 failed", "failed: SnapshotError"]]


def test_servers_that_are_down_fail_nothing_and_are_named(folder: Path, mail: Mail) -> None:
    (folder / "recipe.yaml").write_text(RECIPE.format(words=5000, port=closed_port()))
    told = run(folder, 1, HOOK_URL=f"http://127.0.0.1:{closed_port()}/services/{PLANTED}")
    assert "the alert could not be delivered by webhook (HOOK_URL): 127.0.0.1: Connection refused; tried 3 times" in told
    assert "the alert could not be delivered by e-mail (localhost): Connection refused; tried 3 times" in told
    assert "refused filtered notes-0|first" in told
    assert PLANTED not in told
    assert lying_about(folder) == []
