"""The list of runs tolerates whatever lies in the folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from report_samples import demo, empty, hostile

from runbooks.report import index, summary
from runbooks.report.document import Report


def leave(root: Path, day: str, name: str, report: Report | None, text: str | None = None) -> Path:
    folder = root / day / name
    folder.mkdir(parents=True)
    if report is not None:
        text = summary.dumps(summary.build(report))
        (folder / "report.html").write_text("<p>")
        (folder / "report.md").write_text("#")
    if text is not None:
        (folder / "summary.json").write_text(text, encoding="utf-8")
    return folder


def test_every_run_is_a_row_newest_first(tmp_path: Path) -> None:
    leave(tmp_path, "2025-10-02", "machine_not_visible--vyx-app--vyx-63eea370--174000Z", demo())
    leave(tmp_path, "2025-10-03", "machine_not_visible--vyx-app--half--091500Z", None)
    leave(tmp_path, "2025-10-04", "x", None, '{"schema":')
    leave(tmp_path, "2025-10-05", "y", None, '{"schema": "fly-runbooks/summary/2"}')
    leave(tmp_path, "2025-10-06", "z", None, "[" * 100_000)
    leave(tmp_path, "2025-10-07", ".staged", demo())
    (tmp_path / "README.md").write_text("x")
    found = index.rows(tmp_path)
    assert [row.looked_at[:10] for row in found] == [f"2025-10-0{n}" for n in (6, 5, 4, 3, 2)]
    assert [bool(row.trouble) for row in found] == [True, True, True, True, False]
    assert found[3].subject == "half"
    assert found[4].cause == "missing-environment"
    target = index.write(tmp_path)
    text = target.read_text(encoding="utf-8")
    assert 'href="2025-10-02/machine_not_visible--vyx-app--vyx-63eea370--174000Z/report.html"' in text
    assert "did not finish" in text
    assert "ROOT CAUSE IDENTIFIED" in text
    assert target == tmp_path / "index.html"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".index")] == []
    assert index.write(tmp_path).read_text(encoding="utf-8") == text


def test_hostile_summaries_and_names_stay_text(tmp_path: Path) -> None:
    leave(tmp_path, "2025-10-02", 'a"><script>alert(1)<', hostile())
    leave(tmp_path, "2025-10-02", "b\udcff#?%", empty())
    leave(tmp_path, "javascript:alert(1)", "c", empty())
    text = index.write(tmp_path).read_text(encoding="utf-8")
    assert "<script" not in text
    assert "default-src" in text
    for link in re.findall(r'href="([^"#]+)"', text):
        assert not link.lower().startswith(("javascript:", "http", "//"))


def test_no_run_yet(tmp_path: Path) -> None:
    assert "No run has left a folder here yet" in index.write(tmp_path).read_text(encoding="utf-8")


def test_a_failed_write_leaves_the_old_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = index.write(tmp_path).read_text(encoding="utf-8")

    def fail(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        index.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == before
