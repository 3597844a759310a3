"""The list of runs tolerates whatever lies in the folder, and tells of each run what its files tell."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from index_samples import fill, leave, told
from report_samples import empty, hostile

from runbooks.report import escape, index, page, runs, summary


def test_every_run_is_listed_newest_first(tmp_path: Path) -> None:
    leave(tmp_path, "2025-10-02/machine_not_visible--vyx-app--vyx-63eea370--174000Z", told())
    leave(tmp_path, "2025-10-03/machine_not_visible--vyx-app--half--091500Z")
    leave(tmp_path, "2025-10-04/x", '{"schema":')
    leave(tmp_path, "2025-10-05/y", '{"schema": "fly-runbooks/summary/2"}')
    leave(tmp_path, "2025-10-06/z", "[" * 100_000)
    leave(tmp_path, "2025-10-07/.staged", told())
    (tmp_path / "README.md").write_text("x")
    found, notebooks = runs.found(tmp_path)
    assert [run.at[:10] for run in found] == [f"2025-10-0{n}" for n in (6, 5, 4, 3, 2)]
    assert [bool(run.trouble) for run in found] == [True, True, True, True, False]
    assert (found[3].subject, found[3].at) == ("half", "2025-10-03T09:15:00Z")
    assert found[4].cause == "missing-environment"
    assert notebooks == 0
    target = index.write(tmp_path)
    text = target.read_text(encoding="utf-8")
    assert 'href="2025-10-02/machine_not_visible--vyx-app--vyx-63eea370--174000Z/report.html"' in text
    assert "did not finish" in text
    assert "<code>2025-10-04/x</code>" in text
    assert "ROOT CAUSE IDENTIFIED" in text
    assert target == tmp_path / "index.html"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".index")] == []
    assert index.write(tmp_path).read_text(encoding="utf-8") == text


def test_where_the_evidence_came_from(tmp_path: Path) -> None:
    fill(tmp_path)
    by_place = {run.folder.rpartition("--")[2]: run for run in runs.found(tmp_path)[0]}
    assert by_place["100000Z"].origins == ("live",)
    assert by_place["160000Z"].origins == ("simulated",)
    assert by_place["170000Z"].origins == ("replay",)
    assert by_place["example"].origins == ("example", "simulated")
    assert by_place["180000Z"].ending == "died: The process was killed."
    assert by_place["160000Z"].standing.words == "HEALTHY"
    assert [run.folder for run in by_place.values() if run.of_old] == [by_place["170000Z"].folder]


def test_nothing_is_said_of_a_source_that_no_file_tells(tmp_path: Path) -> None:
    for number, manifest in enumerate(({}, {"parameters": []}, {"parameters": {"source": 7}}, {"status": ["died"]})):
        leave(tmp_path, f"2025-10-02/{number}", told(), "", **manifest)
    leave(tmp_path, "2025-10-02/9", told(), "carrier pigeon")
    found, _ = runs.found(tmp_path)
    assert [run.origins for run in found] == [()] * 5
    assert not any(run.ending for run in found)
    assert not re.search('class="badge"|Narrow marks', index.render(found))


def test_a_simulated_run_that_broke_is_known_by_its_manifest(tmp_path: Path) -> None:
    leave(
        tmp_path,
        "2025-10-02/x",
        None,
        "",
        parameters={"source": "simulator:healthy"},
        status="failed",
        reason="no\x1b[2J",
    )
    (run,), _ = runs.found(tmp_path)
    assert run.origins == ("simulated",)
    assert "\x1b" not in index.render([run])


def test_a_notebook_opened_in_lab_is_counted_and_no_run(tmp_path: Path) -> None:
    leave(tmp_path, "2025-10-02/machine_not_visible--lab--174000Z")
    leave(tmp_path, "2025-10-02/machine_not_visible--lab--x--174000Z")
    found, notebooks = runs.found(tmp_path)
    assert ([run.app for run in found], notebooks) == (["lab"], 1)
    assert "Not listed: 1 folder with a notebook" in index.write(tmp_path).read_text(encoding="utf-8")


def test_the_time_of_a_run_is_that_of_its_folder_or_else_of_its_look(tmp_path: Path) -> None:
    leave(tmp_path, "2025-11-05/machine_not_visible--vyx-app--x--080910Z-2", told())
    leave(tmp_path, "copied/x", told())
    leave(tmp_path, "2025-11-04/x", told())
    leave(tmp_path, "lost/y")
    leave(tmp_path, "2025-02-31/y")
    found, _ = runs.found(tmp_path)
    assert [(run.at, run.day is None) for run in found] == [
        ("2025-11-05T08:09:10Z", False),
        ("2025-10-02T03:09:40Z", False),
        ("2025-10-02T03:09:40Z", False),
        ("2025-02-31", True),
        ("", True),
    ]
    assert "no date" in index.render(found)


def test_hostile_summaries_and_names_stay_text(tmp_path: Path) -> None:
    for place, report in (
        ('2025-10-02/a"><script>alert(1)<', hostile()),
        ("2025-10-02/b\udcff#?%", empty()),
        ("javascript:alert(1)/c", empty()),
    ):
        leave(tmp_path, place, summary.build(report))
    evil = '</style><script>alert(1)</script>"] { } * { display: none } /*'
    leave(tmp_path, "2025-10-03/d", told(headline=evil, runbook=evil, subject={"app": evil, "machine_name": evil}))
    leave(tmp_path, "2025-10-03/e", told(subject={"app": "\u202egpj.exe"}), "live", status="died", reason=evil)
    text = index.write(tmp_path).read_text(encoding="utf-8")
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "alert" not in style
    assert set(re.findall(r'option\[value="([^"]*)"\]', style)) - {""} == set(
        re.findall(r'<option value="(.+?)"', text)
    )
    assert all(re.fullmatch(r"[a-z]\d+", mark) for mark in re.findall(r'<option value="(.+?)"', text))
    assert "<script" not in text
    assert "\u202e" not in text
    assert f'content="{escape.html(page.POLICY)}"' in text
    assert "script-src" not in text
    for link in re.findall(r'href="([^"#]+)"', text):
        assert not link.lower().startswith(("javascript:", "http", "//"))


def test_what_is_no_plain_file_or_far_too_large_costs_only_its_run(tmp_path: Path) -> None:
    leave(tmp_path, "2025-10-02/good", told(), "live")
    os.mkfifo(leave(tmp_path, "2025-10-02/pipe") / "summary.json")
    os.mkfifo(tmp_path / "2025-10-02" / "pipe" / "manifest.json")
    (leave(tmp_path, "2025-10-02/folder") / "summary.json").mkdir()
    with (leave(tmp_path, "2025-10-02/large") / "summary.json").open("wb") as file:
        file.truncate(20_000_001)
    (leave(tmp_path, "2025-10-02/circle") / "summary.json").symlink_to("summary.json")
    (leave(tmp_path, "2025-10-02/nowhere") / "summary.json").symlink_to("/nonexistent/summary.json")
    (leave(tmp_path, "2025-10-02/bytes") / "summary.json").write_bytes(b"\xff\xfe{")
    troubles = {run.folder.partition("/")[2]: run.trouble for run in runs.found(tmp_path)[0]}
    assert troubles.pop("good") == ""
    assert len(troubles) == 6
    assert all(troubles.values())
    assert "too large" in troubles["large"]
    assert troubles["folder"] == troubles["pipe"] == "summary.json cannot be used: it is no plain file."
    assert str(tmp_path) not in index.write(tmp_path).read_text(encoding="utf-8")


def test_a_link_to_a_place_that_is_listed_anyway_shows_nothing_twice(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    leave(root, "2025-10-02/run", told())
    leave(other, "far", told())
    (root / "latest").symlink_to("2025-10-02")
    (root / "2025-10-02" / "again").symlink_to("run")
    (root / "2025-10-02" / "circle").symlink_to("circle")
    (root / "2025-10-02" / "up").symlink_to(root)
    (root / "2025-10-01").symlink_to(other)
    assert [run.folder for run in runs.found(root)[0]] == ["2025-10-02/run", "2025-10-01/far"]


def test_a_folder_that_cannot_be_entered_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As PermissionError, since chmod does not keep out root."""
    leave(tmp_path, "2025-10-01/closed")
    leave(tmp_path, "2025-10-02/open", told())
    leave(tmp_path, "2025-10-02/shut")

    def refuse(name: str, shut: str) -> None:
        real = getattr(Path, name)

        def refusing(self: Path, *given: object, **named: object) -> object:
            if shut in str(self):
                raise PermissionError(13, "Permission denied", str(self))
            return real(self, *given, **named)

        monkeypatch.setattr(Path, name, refusing)

    refuse("iterdir", "2025-10-01")
    for name in ("stat", "is_file"):
        refuse(name, "shut/")
        refuse(name, "2025-10-01/")
    found, _ = runs.found(tmp_path)
    assert {run.folder: run.trouble for run in found} == {
        "2025-10-02/open": "",
        "2025-10-02/shut": "summary.json cannot be used: Permission denied",
        "2025-10-01": "summary.json cannot be used: Permission denied",
    }


def test_no_run_yet(tmp_path: Path) -> None:
    text = index.write(tmp_path).read_text(encoding="utf-8")
    assert "No runs yet" in text
    assert "<form" not in text


def test_one_run_has_nothing_to_filter_or_compare(tmp_path: Path) -> None:
    leave(tmp_path, "example", told(), "simulator:x")
    text = index.write(tmp_path).read_text(encoding="utf-8")
    assert 'class="badge">example<' in text
    assert "<form" not in text
    assert "Causes over time" not in text


def test_five_hundred_runs_stay_a_light_page() -> None:
    run = runs.Run(
        folder="2025-10-02/machine_not_visible--vyx-app--vyx-63eea370--174000Z",
        at="2025-10-02T17:40:00Z",
        looked_at="2025-10-02T17:40:00Z",
        runbook="machine_not_visible",
        app="vyx-app",
        subject="vyx-63eea370",
        verdict="incident",
        confidence="confirmed",
        headline="Machine 91850296bd4738 is gone: " + "its program wants a key and gave up. " * 4,
        cause="missing-environment",
        origins=("live",),
        links=tuple((name, f"2025-10-02/{'x' * 60}/{name}") for name in ("report.html", "report.md", "summary.json")),
    )
    text = index.render([run] * 500)
    assert text.count("<li class=") == 500
    assert len(text.encode()) < 1_000_000


def test_a_failed_write_leaves_the_old_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = index.write(tmp_path).read_text(encoding="utf-8")

    def fail(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        index.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == before
