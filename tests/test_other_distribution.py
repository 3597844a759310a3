"""A runbook that another distribution brings: written by `runbooks new`, installed from a wheel, run like any other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from runbooks.base.settings import CHECKOUT
from runbooks.report import summary as contract

NAME = "gpu_check"
SECOND_FACET = """
    STATE = "X-gpu_check-02", "gpu-check-state", "What state does the machine report?", "while the machine exists"


@collects(GpuCheckFacet.STATE, answer=dict)
def _state(session: CollectionSession) -> FacetResult:
    machine = session.best_machine()
    if machine is None:
        return unavailable("no description of the machine was seen")
    return seen(f"the machine reports {machine.state}", {"state": machine.state})

"""


@dataclass(frozen=True)
class Installed:
    """Where the distribution lies, and how to call a Python that sees it."""

    folder: Path
    outputs: Path

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        bare = {k: v for k, v in os.environ.items() if not k.startswith(("FLY_", "RUNBOOKS_"))}
        path = os.pathsep.join(filter(None, (str(self.folder), bare.get("PYTHONPATH", ""))))
        environment = bare | {"PYTHONPATH": path, "RUNBOOKS_OUTPUT_ROOT": str(self.outputs)}
        return subprocess.run(
            [sys.executable, "-P", *arguments], capture_output=True, text=True, check=False, env=environment
        )


def _wheel(folder: Path, *, target: str = f"gpu_runbooks.{NAME}:RUNBOOK") -> Path:
    """A wheel of the package at `folder`, with its entry point."""
    info = "gpu_runbooks-1.0.dist-info"
    wheel = folder.parent / "gpu_runbooks-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        for path in sorted(folder.iterdir()):
            packed.write(path, f"{folder.name}/{path.name}")
        packed.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: gpu-runbooks\nVersion: 1.0\n")
        packed.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        packed.writestr(
            f"{info}/entry_points.txt", f"[fly_runbooks]\n{NAME} = {target}\nbroken = no_such_module:RUNBOOK\n"
        )
        packed.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    root = tmp_path_factory.mktemp("distribution")
    package = root / "gpu_runbooks"
    package.mkdir()
    (package / "__init__.py").write_text("")
    command = [sys.executable, "-P", "-m", "runbooks", "new", NAME, "--into", str(package)]
    written = subprocess.run(command, capture_output=True, text=True, check=False)
    assert written.returncode == 0, written.stderr
    assert f'{NAME} = "gpu_runbooks.{NAME}:RUNBOOK"' in written.stdout
    module = package / f"{NAME}.py"
    text = module.read_text()
    first = next(line for line in text.splitlines() if "X-gpu_check-01" in line)
    text = text.replace(f"{first}\n", f"{first}{SECOND_FACET}", 1)
    module.write_text(text.replace("GpuCheckFacet.REGION)\n", "GpuCheckFacet.REGION, GpuCheckFacet.STATE)\n"))
    target = root / "installed"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", str(target)]
    subprocess.run([*pip, str(_wheel(package))], check=True, capture_output=True)
    return Installed(target, root / "outputs")


def test_the_list_shows_it_and_a_broken_one_is_a_line(installed: Installed) -> None:
    done = installed.python("-m", "runbooks", "list")
    assert done.returncode == 0, done.stderr
    assert f"{NAME}: Describe the runbook in one line (from gpu-runbooks)" in done.stdout
    assert re.search(r"^broken: cannot be loaded\. .*no_such_module", done.stdout, re.M), done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_it_runs_is_reported_indexed_and_replayed(installed: Installed, tmp_path: Path) -> None:
    done = installed.python("-m", "runbooks", "run", NAME, "--source", "simulator:healthy", "--json")
    # It asks neither the database nor the endpoint, so it cannot call the machine healthy.
    assert done.returncode == 4, done.stderr
    found = json.loads(done.stdout)
    contract.check(found)
    assert found["runbook"] == NAME
    (folder,) = installed.outputs.glob(f"*/{NAME}--*")
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert "The machine is in " in report
    assert "X-gpu_check-01" in report
    assert "X-gpu_check-02" in report
    assert NAME in (installed.outputs / "index.html").read_text(encoding="utf-8")
    index = json.loads((folder / "evidence/index.json").read_text(encoding="utf-8"))
    assert {"X-gpu_check-01", "X-gpu_check-02"} <= {row["number"] for row in index["looks"]}
    again = installed.python("-m", "runbooks", "replay", str(folder), "--output-root", str(tmp_path))
    assert again.returncode == 4, again.stderr
    (replayed,) = tmp_path.glob(f"*/{NAME}--*")
    for name in ("summary.json", "report.md", "report.html"):
        assert (replayed / name).read_bytes() == (folder / name).read_bytes(), name


def test_plain_papermill_runs_its_notebook(installed: Installed, tmp_path: Path) -> None:
    notebook = installed.folder / "gpu_runbooks" / f"{NAME}.ipynb"
    done = installed.python(
        *("-m", "papermill", str(notebook), str(tmp_path / "out.ipynb"), "-r", "source", "simulator:healthy")
    )
    assert done.returncode == 0, done.stderr
    assert "Region" in (tmp_path / "out.ipynb").read_text(encoding="utf-8")


def test_the_documents_show_it(installed: Installed) -> None:
    code = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); from tools.generate_reference import *; "
    done = installed.python("-c", f"{code}print(runbooks_page())")
    assert done.returncode == 0, done.stderr
    assert f"## {NAME}\n" in done.stdout
    assert "X-gpu_check-02 gpu-check-state" in done.stdout
