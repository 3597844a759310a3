"""Secrets that were planted everywhere show nowhere; with the masking off, the same search finds them all."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.services.contents.largefilemanager import LargeFileManager

import runbooks.case
import runbooks.source
from runbooks.evidence.redaction import Hit, Redactor
from runbooks.evidence.scan import scan_folder

from .plant import Plan, served
from .search import files, found


class Blind(Redactor):
    """A redactor that is switched off. It exists here and nowhere in the product."""

    def text(self, text: str, place: str = "text") -> str:
        return text

    def value(self, value: Any, place: str = "body", *, within: str = "") -> Any:
        return value

    def row(self, row: Mapping[str, Any], place: str, known: Collection[str] = ()) -> dict[str, Any]:
        return dict(row)

    def scan(self, text: str) -> list[Hit]:
        return []


World = tuple[Plan, dict[str, str], dict[str, str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served(tmp_path_factory.mktemp("world")) as told:
        yield told


@pytest.fixture(scope="module")
def run(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[bytes]]:
    """The production runner, once, and the zip that `share` makes of its folder."""
    _, parameters, environment = world
    out = tmp_path_factory.mktemp("run") / "out"
    command = [sys.executable, "-P", "-m", "runbooks"]
    given = [part for name, value in parameters.items() for part in ("-p", name, value)]
    done = subprocess.run(
        [*command, "run", "machine_not_visible", "--output-root", str(out), *given],
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode in (3, 4), done.stderr.decode()
    (folder,) = out.glob("*/machine_not_visible--*")
    shared = subprocess.run(
        [*command, "share", str(folder), "-o", str(out / "shared.zip")],
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert shared.returncode == 0, shared.stderr.decode()
    again = subprocess.run(
        [*command, "replay", str(folder), "--json", "--output-root", str(out / "replayed")],
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert json.loads(again.stdout)["verdict"], again.stderr.decode()
    # Another place where a byte can leave is one more file in here.
    for name, ended in (("run", done), ("share", shared), ("replay --json", again)):
        (out / f"stdout of {name}").write_bytes(ended.stdout)
        (out / f"stderr of {name}").write_bytes(ended.stderr)
    saved_in_lab(folder / "report.ipynb", out / "lab")
    return out, done


def saved_in_lab(notebook: Path, root: Path) -> None:
    """What JupyterLab leaves when somebody opens a notebook and saves it: the file and its checkpoint."""
    root.mkdir()
    shutil.copy(notebook, root / notebook.name)
    contents = LargeFileManager(root_dir=str(root))
    contents.save(contents.get(notebook.name), notebook.name)
    contents.create_checkpoint(notebook.name)
    assert list(root.glob(".ipynb_checkpoints/*.ipynb"))


def test_there_are_enough_of_them(world: World) -> None:
    canaries = world[0].canaries
    assert len(canaries) >= 300
    assert len({canary.place for canary in canaries}) >= 30
    assert len({canary.kind for canary in canaries}) >= 20
    parts = [part for canary in canaries for part in canary.parts]
    assert len(set(parts)) == len(parts)


def test_none_is_seen_in_any_byte(world: World, run: tuple[Path, subprocess.CompletedProcess[bytes]]) -> None:
    out, _ = run
    names = [name for name, _ in files(out)]
    assert "shared.zip" in names
    assert "index.html" in names
    assert any(".ipynb_checkpoints/" in name for name in names)
    assert len(names) > 10
    seen = found([part for canary in world[0].canaries for part in canary.parts], files(out))
    assert {_of(world[0], part): where for part, where in seen.items()} == {}


def test_what_was_masked_is_reported_without_its_value(
    world: World, run: tuple[Path, subprocess.CompletedProcess[bytes]]
) -> None:
    (path,) = run[0].glob("*/*/evidence/redactions.json")
    masked = json.loads(path.read_text())["masked"]
    rules = {hit["rule"] for hit in masked}
    assert {"fly-token", "jwt", "value", "password", "encoded", "private-key", "cookie", "email", "user-id"} <= rules
    assert all(set(hit) == {"rule", "place", "count"} for hit in masked)


def test_the_story_is_still_told(run: tuple[Path, subprocess.CompletedProcess[bytes]]) -> None:
    (path,) = run[0].glob("*/*/summary.json")
    summary = json.loads(path.read_text())
    assert summary["cause"]["slug"] == "missing-environment"
    everything = b"".join(data for _, data in files(run[0])).decode("utf-8", "replace")
    assert "SUPABASE_SERVICE_KEY" in everything
    assert len(set(re.findall(r"<secret:[a-z-]+#\d+>", everything))) > 30


def test_the_finished_folder_passes_the_scan(run: tuple[Path, subprocess.CompletedProcess[bytes]]) -> None:
    assert scan_folder(run[0], Redactor()) == []


def test_with_the_masking_off_the_same_search_finds_every_one(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted, parameters, environment = world
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path / "out"))
    monkeypatch.setattr(runbooks.source, "Redactor", Blind)
    runbooks.case.open_case(**parameters).publish()
    parts = [part for canary in planted.canaries for part in canary.parts]
    seen = found(parts, files(tmp_path / "out"))
    assert [_of(planted, part) for part in parts if part not in seen] == []


def _of(planted: Plan, part: str) -> str:
    """Which canary this is, so that a failure says more than a random word."""
    return next(f"{c.place}: {c.kind} ({part[:6]}…)" for c in planted.canaries if part in c.parts)
