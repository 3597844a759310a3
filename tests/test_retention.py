"""Old runs go, and nothing that a run did not write."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from runbooks.base import folders
from runbooks.base.errors import UsageError
from runbooks.cli import cli
from runbooks.execution import retention
from runbooks.execution.sweep import SCHEMA, SUMMARIES

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _run(root: Path, name: str, ended: datetime, verdict: str = "healthy") -> Path:
    folder = root / f"{ended:%Y-%m-%d}" / name
    (folder / "evidence").mkdir(parents=True)
    texts = {"report.html": "<p>", "summary.json": f'{{"verdict": "{verdict}"}}', "evidence/index.json": "{}"}
    for file, text in texts.items():
        (folder / file).write_text(text)
    files = {file: hashlib.sha256(text.encode()).hexdigest() for file, text in texts.items()}
    manifest = {"schema": "fly-runbooks/manifest/1", "ended_at": ended.isoformat(), "files": files}
    folders.write_sealed(folder / "manifest.json", manifest)
    return folder


def _old(root: Path, **options: bool) -> list[str]:
    return [run.folder.name for run in retention.old_runs(root, timedelta(days=30), NOW, **options)]


def test_only_what_is_older_than_that_goes(tmp_path: Path) -> None:
    for days in (0, 29, 30, 31, 400):
        _run(tmp_path, f"after-{days}", NOW - timedelta(days=days))
    assert _old(tmp_path) == ["after-400", "after-31"]


def test_incidents_can_be_kept(tmp_path: Path) -> None:
    _run(tmp_path, "incident", NOW - timedelta(days=90), "incident")
    _run(tmp_path, "healthy", NOW - timedelta(days=90))
    assert _old(tmp_path, keep_incidents=True) == ["healthy"]
    assert _old(tmp_path) == ["healthy", "incident"]


def test_what_a_run_did_not_write_or_somebody_changed_stays(tmp_path: Path) -> None:
    folder = _run(tmp_path, "old", NOW - timedelta(days=90))
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    (folder / "notes.txt").write_text("mine")
    (folder / "report.html").write_text("<p>corrected by hand")
    (folder / "link").symlink_to(outside)
    (run,) = retention.old_runs(tmp_path, timedelta(days=30), NOW)
    assert run.foreign == ("link", "notes.txt", "report.html")
    retention.remove(run)
    assert sorted(path.name for path in folder.rglob("*")) == ["link", "notes.txt", "report.html"]
    assert outside.read_text() == "mine"


@pytest.mark.parametrize("spoil", ["changed", "missing", "foreign", "link", "climbing"])
def test_a_folder_that_is_no_run_is_left_alone(tmp_path: Path, spoil: str) -> None:
    folder = _run(tmp_path / "root", "old", NOW - timedelta(days=90))
    manifest, victim = folder / "manifest.json", tmp_path / "victim"
    victim.write_text("mine")
    if spoil == "changed":
        manifest.write_text(manifest.read_text().replace("2025", "2024"))
    elif spoil == "missing":
        manifest.unlink()
    elif spoil == "foreign":
        manifest.write_text('{"files": {}, "ended_at": "2020-01-01T00:00:00Z"}')
    elif spoil == "link":
        real = tmp_path / "real"
        folder.rename(real)
        folder.symlink_to(real)
    else:
        files = {"../../../victim": hashlib.sha256(b"mine").hexdigest()}
        told = {"schema": "fly-runbooks/manifest/1", "ended_at": "2020-01-01T00:00:00+00:00", "files": files}
        folders.write_sealed(manifest, told)
    before = sorted(path for path in tmp_path.rglob("*") if not path.is_dir() and path != manifest)
    for run in retention.old_runs(tmp_path / "root", timedelta(days=30), NOW):
        retention.remove(run)
    assert sorted(path for path in tmp_path.rglob("*") if not path.is_dir() and path != manifest) == before


def test_an_emptied_day_goes_and_a_link_to_elsewhere_is_not_followed(tmp_path: Path) -> None:
    folder = _run(tmp_path, "old", NOW - timedelta(days=90))
    (elsewhere := tmp_path / "elsewhere").mkdir()
    (elsewhere / "report.html").write_text("<p>")
    (folder / "report.html").unlink()
    (folder / "evidence" / "index.json").unlink()
    (folder / "evidence").rmdir()
    (folder / "evidence").symlink_to(elsewhere)
    (run,) = retention.old_runs(tmp_path, timedelta(days=30), NOW)
    retention.remove(run)
    assert (elsewhere / "report.html").exists()
    assert (folder / "evidence").is_symlink()
    assert not (folder / "summary.json").exists()


def _sweep(root: Path, ended: datetime, verdict: str = "incident") -> Path:
    path = root / SUMMARIES / f"{ended:%Y-%m-%d-%H%M%SZ}.json"
    path.parent.mkdir(exist_ok=True)
    folders.write_sealed(path, {"schema": SCHEMA, "ended_at": ended.isoformat(), "fleet": {"verdict": verdict}})
    return path


def test_summaries_of_sweeps_go_with_their_runs_and_what_was_changed_stays(tmp_path: Path) -> None:
    old, young = _sweep(tmp_path, NOW - timedelta(days=31)), _sweep(tmp_path, NOW - timedelta(days=29))
    healthy = _sweep(tmp_path, NOW - timedelta(days=32), "healthy")
    changed = _sweep(tmp_path, NOW - timedelta(days=33))
    changed.write_text(changed.read_text().replace("incident", "healthy!"))
    foreign = [tmp_path / SUMMARIES / name for name in ("2020-01-01-000000Z.json", "notes.json")]
    for path in foreign:
        path.write_text(f'{{"schema": "{SCHEMA}", "ended_at": "2020-01-01T00:00:00Z"}}')
    found = list(retention.old_sweeps(tmp_path, timedelta(days=30), NOW))
    assert [one.place for one in found] == [healthy, old]
    kept = retention.old_sweeps(tmp_path, timedelta(days=30), NOW, keep_incidents=True)
    assert [one.place for one in kept] == [healthy]
    for one in found:
        retention.remove(one)
    assert set((tmp_path / SUMMARIES).iterdir()) == {young, changed, *foreign}


def test_a_folder_of_summaries_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    path = _sweep(tmp_path, NOW - timedelta(days=90))
    path.parent.rename(tmp_path / "elsewhere")
    (tmp_path / SUMMARIES).symlink_to(tmp_path / "elsewhere")
    assert list(retention.old_sweeps(tmp_path, timedelta(days=30), NOW)) == []


def test_the_command_lists_and_removes_both(tmp_path: Path) -> None:
    for days in (400, 500):
        _run(tmp_path, f"after-{days}", datetime.now(UTC) - timedelta(days=days))
    path = _sweep(tmp_path, datetime.now(UTC) - timedelta(days=400))
    words = ["prune", "--keep", "30 days", "--output-root", str(tmp_path)]
    shown = CliRunner().invoke(cli, words)
    assert path.name in shown.stdout
    assert "--yes removes 2 runs and 1 summary of a sweep (" in shown.stderr
    assert "Removed: 2 runs and 1 summary of a sweep (" in CliRunner().invoke(cli, [*words, "--yes"]).stderr
    assert not path.parent.exists()


@pytest.mark.parametrize("text", ["30d", "30", " 30 days", "720h", "720 Hours", "30.0 DAY"])
def test_a_length_of_time_has_a_unit_or_means_days(text: str) -> None:
    assert retention.period(text) == timedelta(days=30)


@pytest.mark.parametrize("text", ["", "d", "-3d", "30m", "1e3", "thirty", "9" * 9, "3 months", "30 seconds", "3 d d"])
def test_a_length_of_time_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="length of time"):
        retention.period(text)


def test_it_shows_first_and_removes_only_when_told(tmp_path: Path) -> None:
    folder = _run(tmp_path, "old", datetime(2020, 1, 1, tzinfo=UTC))
    arguments = ["prune", "--keep", "30d", "--output-root", str(tmp_path)]
    shown = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert str(folder) in shown.stdout.replace("\n", "")
    assert "--yes removes" in shown.stderr
    assert (folder / "manifest.json").exists()
    done = CliRunner().invoke(cli, [*arguments, "--yes"], env={"RUNBOOKS_KEEP_DAYS": "9000"}, catch_exceptions=False)
    assert "Removed: 1 run (" in done.stderr
    assert not folder.parent.exists()
    assert (tmp_path / "index.html").exists()


def test_runs_that_are_kept_for_their_incident_are_not_called_young(tmp_path: Path) -> None:
    for days in (400, 500):
        _run(tmp_path, f"after-{days}", datetime.now(UTC) - timedelta(days=days), verdict="incident")
    words = ["prune", "--keep", "30d", "--keep-incidents", "--yes", "--output-root", str(tmp_path)]
    assert "2 runs are that old; --keep-incidents keeps them." in CliRunner().invoke(cli, words).output
