"""The templates as code: kept beside them, as Python keeps its modules, and never in the way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runbooks.report import templating


@pytest.mark.parametrize("broken", ["", "cut off", "no folder"])
def test_templates_are_kept_compiled_where_one_may_write(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "one.md.j2").write_text("{{ 'x' }}{{ said }}")
    monkeypatch.setattr(templating, "TEMPLATES", folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    if broken == "no folder":
        (folder / "__pycache__").write_text("a file")
    for _ in range(3):
        jinja = templating.environment.__wrapped__("md")
        assert jinja.get_template("one.md.j2").render(said="y", known=()) == "xy"
        kept = list(folder.glob("__pycache__/*.jinja"))
        assert len(kept) == (broken != "no folder")
        for path in kept if broken == "cut off" else ():
            path.write_bytes(path.read_bytes()[:60])
