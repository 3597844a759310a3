"""The runner: every way a run can end leaves one folder that says how, or none at all."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

from runbooks.base import folders
from runbooks.base.errors import ScanError
from runbooks.execution import ending, runner

OPEN = """\
import json, os
from pathlib import Path
folder = Path(os.environ["RUNBOOKS_RUN_FOLDER"])"""
PUBLISH = """\
(folder / "summary.json").write_text(json.dumps({"verdict": "incident", "cause": {"slug": "x"}}))
(folder / ".target").write_text("2025-10-02/machine_not_visible--vyx--9185029e602738--030000Z")"""

Notebook = Callable[..., Path]


@pytest.fixture
def notebook(tmp_path: Path) -> Notebook:
    """Write a runbook that consists of the given steps between opening and publishing."""

    def write(*steps: str, opening: str = OPEN, publish: str = PUBLISH) -> Path:
        parameters = nbformat.v4.new_code_cell('app_name = ""\nmachine_id = ""\ncaller_log = ""')
        parameters.metadata["tags"] = ["parameters"]
        cells = [nbformat.v4.new_markdown_cell("# A runbook"), parameters]
        cells += [nbformat.v4.new_code_cell(source) for source in (opening, *steps, publish)]
        path = tmp_path / "fixture.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return path

    return write


def _run(notebook: Path, root: Path, **options: Any) -> ending.Result:
    given = options.pop("given", {"app_name": "vyx", "machine_id": "01234567890123"})
    return runner.run("machine_not_visible", given, output_root=root, notebook=notebook, **options)


def _manifest(folder: Path | None) -> dict[str, Any]:
    assert folder is not None
    loaded: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return loaded


def _left_in(root: Path) -> list[str]:
    return sorted(p.name for p in (root / folders.STAGING).iterdir())


def test_a_finished_run_lies_where_the_case_said(notebook: Notebook, tmp_path: Path) -> None:
    root = tmp_path / "out"
    result = _run(notebook("assert machine_id == '01234567890123'"), root)
    assert (result.status, result.exit_code) == ("completed", 3)
    assert result.folder == root / "2025-10-02/machine_not_visible--vyx--9185029e602738--030000Z"
    manifest = _manifest(result.folder)
    assert manifest["status"] == "completed"
    assert manifest["parameters"] == {"app_name": "vyx", "machine_id": "01234567890123"}
    assert {step["status"] for step in manifest["steps"]} == {"done"}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((result.folder / name).read_bytes()).hexdigest() == digest
    assert set(manifest["files"]) == {"report.ipynb", "summary.json"}
    assert not (result.folder / folders.TARGET).exists()
    assert _left_in(root) == []


def test_a_second_run_of_the_same_second_gets_its_own_folder(notebook: Notebook, tmp_path: Path) -> None:
    first = _run(notebook(), tmp_path / "out")
    second = _run(notebook(), tmp_path / "out")
    assert first.folder is not None
    assert second.folder == first.folder.with_name(first.folder.name + "-2")


def test_the_kernel_is_this_python_and_imports_nothing_from_the_current_folder(
    notebook: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "cwd" / "runbooks"
    trap.mkdir(parents=True)
    (trap / "__init__.py").write_text("raise RuntimeError('the wrong package')")
    monkeypatch.chdir(trap.parent)
    package = str(Path(runner.__file__).parent.parent)
    steps = (
        f"import sys, runbooks; assert runbooks.__path__ == [{package!r}], runbooks.__path__",
        f"assert sys.executable == {sys.executable!r}",
    )
    result = _run(notebook(*steps), tmp_path / "out")
    assert result.reason == "The notebook ran to its end."


def test_a_relative_path_in_a_parameter_means_the_callers_folder(
    notebook: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.txt").write_text("line")
    given = {"app_name": "vyx", "caller_log": "log.txt"}
    result = _run(notebook("assert Path(caller_log).read_text() == 'line'"), Path("out"), given=given)
    assert result.status == "completed"
    assert result.folder is not None
    assert result.folder.is_relative_to(tmp_path / "out")


def test_a_failing_cell_still_publishes_and_says_so(notebook: Notebook, tmp_path: Path) -> None:
    result = _run(notebook("1 / 0", "never = True"), tmp_path / "out")
    assert (result.status, result.exit_code) == ("failed", 1)
    assert result.reason == "ZeroDivisionError: division by zero"
    assert result.summary is not None
    statuses = [step["status"] for step in _manifest(result.folder)["steps"]]
    assert statuses == ["done", "done", "done", "failed", "not-run", "done"]
    executed = nbformat.read(result.folder / "report.ipynb", as_version=4)
    code = [c for c in executed.cells if c.cell_type == "code"]
    assert [c.metadata.papermill.status for c in code] == statuses


def test_a_case_that_never_opened_is_not_published(notebook: Notebook, tmp_path: Path) -> None:
    result = _run(notebook(opening="raise RuntimeError('no')"), tmp_path / "out")
    assert (result.status, result.exit_code, result.summary) == ("failed", 1, None)
    assert result.folder is not None
    assert result.folder.name.startswith("machine_not_visible--vyx--01234567890123--")


def test_a_usage_error_inside_the_notebook_leaves_nothing(notebook: Notebook, tmp_path: Path) -> None:
    opening = "from runbooks.base.errors import SourceError\nraise SourceError('No such scenario.', 'Try another.')"
    result = _run(notebook(opening=opening), tmp_path / "out")
    assert (result.exit_code, result.folder) == (2, None)
    assert result.reason == "No such scenario. Try another."
    assert _left_in(tmp_path / "out") == []


def test_a_dead_kernel_is_a_failure_with_a_reason(notebook: Notebook, tmp_path: Path) -> None:
    result = _run(notebook("os._exit(9)"), tmp_path / "out")
    assert (result.status, result.exit_code) == ("failed", 1)
    assert "Kernel died" in result.reason
    assert [s["status"] for s in _manifest(result.folder)["steps"]][-2:] == ["failed", "not-run"]


@pytest.fixture
def reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file: time stands still for the runner until a cell makes it, however long a kernel takes to start."""
    sign, begun = tmp_path / "reached", time.monotonic()
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() if sign.exists() else begun)
    monkeypatch.setattr(runner, "time", clock)
    return sign


def test_at_the_deadline_what_there_is_gets_published(notebook: Notebook, reached: Path, tmp_path: Path) -> None:
    sleeping = f"import time; Path({str(reached)!r}).touch(); time.sleep(600)"
    result = _run(notebook(sleeping, "never = True"), tmp_path / "out", deadline=4)
    assert (result.status, result.exit_code) == ("deadline", 124)
    assert result.reason == "The deadline of 4 s passed; the report was published."
    assert [s.status for s in result.steps][-3:] == ["interrupted", "not-run", "done"]


def test_a_cell_that_will_not_be_interrupted_is_killed(
    notebook: Notebook, reached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "GRACE", 1.0)
    stubborn = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    stubborn += f"Path({str(reached)!r}).touch()\ntime.sleep(600)"
    result = _run(notebook(stubborn), tmp_path / "out", deadline=4)
    assert (result.status, result.exit_code, result.summary) == ("deadline", 124, None)
    assert _manifest(result.folder)["reason"].endswith("no report could be published.")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_cancels_publishes_and_is_named(
    number: signal.Signals, code: int, notebook: Notebook, tmp_path: Path
) -> None:
    sign = tmp_path / "reached"
    path = notebook(f"import time; Path({str(sign)!r}).touch(); time.sleep(600)")

    def send() -> None:
        _until(sign.exists)
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=send)
    sender.start()
    before = signal.getsignal(number)
    result = _run(path, tmp_path / "out")
    sender.join()
    assert (result.status, result.exit_code) == ("cancelled", code)
    assert _manifest(result.folder)["signal"] == number
    assert result.summary is not None
    assert signal.getsignal(number) is before


def test_a_killed_run_is_found_and_marked_by_the_next(notebook: Notebook, tmp_path: Path) -> None:
    sign, root = tmp_path / "reached", tmp_path / "out"
    path = notebook(f"import time; Path({str(sign)!r}).touch(); time.sleep(600)")
    code = (
        "from pathlib import Path; from runbooks.execution import runner; runner.run('machine_not_visible', "
        f"{{'app_name': 'vyx'}}, output_root=Path({str(root)!r}), notebook=Path({str(path)!r}))"
    )
    scratch = tmp_path / "t"
    scratch.mkdir()
    victim = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"TMPDIR": str(scratch)})
    _until(sign.exists)
    assert folders.sweep(root) == []  # it is alive
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    result = _run(notebook(), root)
    (dead,) = root.glob("*/machine_not_visible--vyx--unknown--*")
    assert f"An earlier run was killed; what it left is in {dead}." in result.warnings
    assert _manifest(dead)["status"] == "died"
    assert list(scratch.iterdir()) == []
    assert _left_in(root) == []


def test_secrets_in_parameters_and_outputs_reach_no_file(notebook: Notebook, tmp_path: Path) -> None:
    token = "fm2_" + "lJPECAAAAAAAAAAAxBD" * 3
    given = {"app_name": "vyx", "caller_log": f"Authorization: FlyV1 {token}"}
    printing = f"print(caller_log)\nprint('fm2_' + {token[4:]!r})\nprint('mail@example.com')"
    result = _run(notebook(printing), tmp_path / "out", given=given)
    assert result.folder is not None
    for path in (p for p in (tmp_path / "out").rglob("*") if p.is_file()):
        text = path.read_text()
        assert token not in text, path
        assert "mail@example.com" not in text, path
    assert "masked in the executed notebook" in " ".join(result.warnings)


def test_what_cannot_be_cleaned_is_locked_away(
    notebook: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner.Redactor, "text", lambda self, text, place="": text)
    monkeypatch.setattr(runner.Redactor, "scan", lambda self, text: ["hit"] if "SECRET" in text else [])
    with pytest.raises(ScanError, match=r"report\.ipynb"):
        _run(notebook("print('SECRET')"), tmp_path / "out")
    quarantine = tmp_path / "out" / folders.QUARANTINE
    assert quarantine.stat().st_mode & 0o777 == 0o700
    assert len(list(quarantine.iterdir())) == 1
    assert _left_in(tmp_path / "out") == []


def test_a_name_from_the_case_cannot_climb_out(notebook: Notebook, tmp_path: Path) -> None:
    result = _run(notebook(publish="(folder / '.target').write_text('../../evil')"), tmp_path / "a" / "out")
    assert result.folder is not None
    assert result.folder.is_relative_to(tmp_path / "a" / "out")


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it never happened")
