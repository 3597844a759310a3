"""One notebook, five ways to run it, one result: byte for byte the same summary.json.

The machine id of the incident played here reads as a floating-point number, which is what breaks first.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from browsing import CHROMIUM_FLAGS
from lab.notebook import Notebook
from lab.server import environment, lab

from runbooks.execution.runner import notebook_path
from runbooks.simulator.scenario import FOLDER

MACHINE = "9185029e602738"
RUNBOOK = "machine_not_visible"
NOTEBOOK = notebook_path(RUNBOOK)
BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The demo's incident, with an id that a careless reader takes for a number."""
    told = (FOLDER / "vyx-missing-environment.yaml").read_text()
    assert "91850296bd4738" in told
    path = tmp_path_factory.mktemp("scenario") / "numeric-id.yaml"
    path.write_text(told.replace("91850296bd4738", MACHINE))
    return f"simulator:{path}"


@pytest.fixture(scope="session")
def reference(source: str, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What `runbooks run` leaves."""
    root = tmp_path_factory.mktemp("run") / "out"
    done = _call(
        [BIN / "runbooks", "run", RUNBOOK, "--source", source, "-p", "machine_id", MACHINE],
        root,
        root.parent,
    )
    assert done.returncode == 3, done.stderr
    return _summary(root)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A current folder with a trap: a package called `runbooks` that is not ours."""
    trap = tmp_path / "elsewhere" / "runbooks"
    trap.mkdir(parents=True)
    (trap / "notes.txt").touch()
    return trap.parent


def test_the_run_finds_the_cause_and_keeps_the_id(reference: bytes) -> None:
    summary = json.loads(reference)
    assert summary["subject"]["machine_id"] == MACHINE
    assert summary["cause"]["slug"] == "missing-environment"


def test_papermill_on_the_command_line(source: str, reference: bytes, tmp_path: Path, elsewhere: Path) -> None:
    command = [BIN / "papermill", NOTEBOOK, tmp_path / "executed.ipynb", "-r", "source", source]
    done = _call([*command, "-r", "machine_id", MACHINE], tmp_path / "out", elsewhere)
    assert done.returncode == 0, done.stderr
    assert _summary(tmp_path / "out") == reference


def test_papermill_as_airflow_calls_it(source: str, reference: bytes, tmp_path: Path, elsewhere: Path) -> None:
    call = f"""
import papermill
papermill.execute_notebook(
    {str(NOTEBOOK)!r},
    {str(tmp_path / "executed.ipynb")!r},
    parameters={{"source": {source!r}, "machine_id": {MACHINE!r}}},
    progress_bar=False,
    report_mode=True,
    kernel_name=None,
    language=None,
    log_output=False,
)
"""
    done = _call([sys.executable, "-c", call], tmp_path / "out", elsewhere)
    assert done.returncode == 0, done.stderr
    assert _summary(tmp_path / "out") == reference


def test_an_injected_cell_of_plain_assignments_as_jupyter_scheduler_writes_it(
    source: str, reference: bytes, tmp_path: Path, elsewhere: Path
) -> None:
    node = nbformat.read(NOTEBOOK, as_version=4)
    given = {"source": json.dumps(source), "machine_id": f'"{MACHINE}"'}
    cell = nbformat.v4.new_code_cell("\n".join(f"{name} = {value}" for name, value in given.items()))
    cell.metadata["tags"] = ["injected-parameters"]
    place = next(i for i, c in enumerate(node.cells) if "parameters" in c.metadata.get("tags", [])) + 1
    node.cells.insert(place, cell)
    nbformat.write(node, tmp_path / "job.ipynb")
    convert = ["-m", "nbconvert", "--to", "notebook", "--execute", "--output", "done.ipynb"]
    done = _call([sys.executable, *convert, tmp_path / "job.ipynb"], tmp_path / "out", elsewhere)
    assert done.returncode == 0, done.stderr
    assert _summary(tmp_path / "out") == reference


def test_run_all_in_a_real_jupyterlab(
    source: str, reference: bytes, tmp_path: Path, chromium: str, elsewhere: Path
) -> None:
    sync = pytest.importorskip("playwright.sync_api")
    root = tmp_path / "out"
    with lab(["--source", source], root, elsewhere) as jupyter, sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        (copy,) = root.glob(f"*/*/{RUNBOOK}.ipynb")
        assert copy != NOTEBOOK
        Notebook(browser.new_page(viewport={"width": 1400, "height": 1000}), jupyter, copy).run_all("publish")
        browser.close()
    assert _summary(root) == reference


@pytest.mark.parametrize("guessed", ["9185029e602738", "1234567890123"])
def test_an_id_that_papermill_turned_into_a_number_is_refused_and_r_is_named(guessed: str, tmp_path: Path) -> None:
    command = [BIN / "papermill", NOTEBOOK, tmp_path / "executed.ipynb", "-p", "app_name", "vyx-app"]
    done = _call([*command, "-p", "machine_id", guessed], tmp_path / "out", tmp_path)
    assert done.returncode != 0
    assert "-r machine_id ID" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_mistyped_parameter_that_papermill_lets_pass_is_refused(tmp_path: Path) -> None:
    command = [BIN / "papermill", NOTEBOOK, tmp_path / "executed.ipynb", "-r", "app_nam", "vyx-app"]
    done = _call([*command, "-r", "machine_id", MACHINE], tmp_path / "out", tmp_path)
    assert done.returncode != 0
    assert "Did you mean app_name?" in done.stderr
    assert not (tmp_path / "out").exists()


def _call(command: list[Any], root: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], env=environment(root), cwd=cwd, capture_output=True, text=True
    )


def _summary(root: Path) -> bytes:
    (path,) = root.glob("*/*/summary.json")
    return path.read_bytes()
