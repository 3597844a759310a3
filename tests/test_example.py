"""The committed example is what this version makes of that evidence; `make example` makes it anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runbooks.case import open_case

EXAMPLE = Path(__file__).parent.parent / "outputs" / "example"


def test_it_is_a_whole_run_of_the_demo() -> None:
    manifest = json.loads((EXAMPLE / "manifest.json").read_text())
    assert (manifest["status"], manifest["exit_code"]) == ("completed", 3)
    assert json.loads((EXAMPLE / "summary.json").read_text())["cause"]["slug"] == "missing-environment"


def test_judged_again_it_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path))
    open_case(source=f"bundle:{EXAMPLE}").publish()
    (folder,) = tmp_path.glob("*/machine_not_visible--*")
    for name in ("summary.json", "report.md", "report.html"):
        assert (folder / name).read_bytes() == (EXAMPLE / name).read_bytes(), f"{name}: run `make example`"
