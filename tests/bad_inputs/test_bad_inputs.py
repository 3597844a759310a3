"""Every bad input ends with exit code 2 and one paragraph, or as a question that could not be answered."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from produced import command

from runbooks.base import files
from tests.bad_inputs.playing import MOST_MB, alone, ended_well, looked, served
from tests.bad_inputs.table import ANSWERS, COMMANDS

REMEDIED = ("typed:", "fly.toml:", "runbooks.toml:")
"""Rows whose paragraph has to say what to do."""
REMEDY = re.compile(r"\b(?:Did you mean|Give|Write|Known are|Correct|Move|Pipe|write it|write when)\b|may hold")
ALONE = ("-f: references that multiply", "bundle: a zip that unpacks to 300 MB", "gzip in gzip", "ten million numbers")
"""Played in processes of their own, for their memory; `make bad-inputs` does so with all."""


def test_there_are_a_hundred() -> None:
    assert len(COMMANDS) + len(ANSWERS) >= 100


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PIPE_SECONDS", 0.3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    arguments = COMMANDS[name](tmp_path)
    root = [] if arguments[0] == "share" else ["--output-root", str(tmp_path / "out")]
    ended = command(*arguments, *root)
    assert not ended_well(*ended)
    assert not (tmp_path / "out").exists()
    assert REMEDY.search(ended[2]) or not name.startswith(REMEDIED), ended[2]


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer(name: str) -> None:
    with served(name) as address:
        assert not looked(address)


@pytest.mark.parametrize("name", ALONE)
def test_its_memory(name: str) -> None:
    trouble, peak = alone(name)
    assert not trouble
    assert peak <= MOST_MB
