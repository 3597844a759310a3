"""`outputs/index.html`: every run that left a folder, newest first, the broken ones too."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from runbooks.base import folders
from runbooks.report import cause_history, filters, page, runs


def write(output_root: Path) -> Path:
    """Writes the index of the runs under `output_root` in one move, and returns its path."""
    root = Path(output_root)
    text = render(*runs.found(root))
    target = root / "index.html"
    handle, staged = tempfile.mkstemp(dir=root, prefix=".index-", suffix=".html")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(staged).chmod(0o666 & ~folders.umask())
        Path(staged).replace(target)
    except BaseException:
        Path(staged).unlink(missing_ok=True)
        raise
    return target


def render(found: list[runs.Run], notebooks: int = 0) -> str:
    """The page. `notebooks` opened in Lab are counted on it, and not listed."""
    controls, classes = filters.build(found)
    return (
        page.environment()
        .get_template("index.html.j2")
        .render(
            rows=list(zip(found, classes, strict=True)),
            filters=controls,
            strip=cause_history.build(found, classes),
            notebooks=notebooks,
            several=any(control.mark == "b" for control in controls),
        )
    )
