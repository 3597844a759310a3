"""`runbooks guard` writes the files that the tests run, and replaces nothing without being asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from produced import command

from runbooks.guard import guard

FILES = {"typescript": "guard.ts", "python": "guard.py"}


@pytest.mark.parametrize("language", FILES)
def test_it_writes_the_file(language: str, tmp_path: Path) -> None:
    code, out, _ = command("guard", language, "--out", str(tmp_path / "functions" / "own.txt"))
    written = (tmp_path / "functions" / "own.txt").read_bytes()
    assert code == 0
    assert "own.txt" in out
    assert written == Path(guard.__file__).with_name(FILES[language]).read_bytes()
    assert command("guard", language, "--out", "-")[1].encode() == written


def test_it_replaces_nothing_without_being_asked(tmp_path: Path) -> None:
    target = tmp_path / "guard.ts"
    target.write_text("mine")
    code, _, err = command("guard", "typescript", "--out", str(tmp_path))
    assert (code, target.read_text()) == (2, "mine")
    assert "exists already" in err
    assert "Traceback" not in err
    assert command("guard", "typescript", "--out", str(tmp_path), "--replace")[0] == 0
    assert target.read_text() != "mine"


def test_the_python_guard_needs_nothing_newer_than_3_9() -> None:
    import ast

    ast.parse(Path(guard.__file__).read_text(), feature_version=(3, 9))
