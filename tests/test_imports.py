"""Imports go one way, as docs/architecture.md draws it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import runbooks

ROOT = Path(runbooks.__file__).parent
MAY_IMPORT = {
    "base": set(),
    "evidence": {"base"},
    "collect": {"base", "evidence"},
    "diagnose": {"base", "evidence"},
    "simulator": {"base", "evidence"},
    "source": {"base", "evidence", "collect", "simulator"},
    "report": {"base", "evidence", "collect", "diagnose"},
    "definitions": {"base", "evidence", "collect", "diagnose", "source", "report"},
    "case": {"base", "evidence", "collect", "diagnose", "source", "report", "definitions"},
    "execution": {"base", "evidence", "collect", "diagnose", "source", "report", "definitions", "case"},
    "redaction": {"evidence"},
    "guard": set(),
    "cli": {
        "base",
        "evidence",
        "diagnose",
        "source",
        "report",
        "definitions",
        "case",
        "execution",
        "simulator",
        "redaction",
    },
    "__main__": {"cli"},
    "__init__": set(),
}


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, part of the package) of every import of ours, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "runbooks":
            parts = node.module.split(".")
            names = [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
            yield from ((node.lineno, name) for name in names)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, a.name.split(".")[1]) for a in node.names if a.name.startswith("runbooks."))


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_a_part_imports_only_what_lies_below_it(part: str) -> None:
    files = sorted((ROOT / part).rglob("*.py")) or [ROOT / f"{part}.py"]
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files
        for line, name in _imports(path)
        if name not in MAY_IMPORT[part] | {part, "__version__"}
    ]
    assert not wrong, wrong


def test_every_part_is_listed() -> None:
    parts = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert parts == set(MAY_IMPORT)
