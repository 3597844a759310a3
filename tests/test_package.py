"""What is built can be installed elsewhere: the wheel, made from the source distribution, used outside of a clone.

The wheel is installed without its dependencies, into an environment that sees those of this one; `make package` does
it with the real ones, from both files, and tries papermill and JupyterLab there, too.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import yaml
from package import installing

from runbooks import definitions

CHECKOUT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Installed:
    wheel: Path
    python: Path
    folder: Path

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        script = str(self.python.parent / command[0])
        return subprocess.run(
            [script, *command[1:]], cwd=self.folder, env=installing.bare(), capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    root = tmp_path_factory.mktemp("package")
    wheel, _ = installing.build(root / "dist", "--no-isolation")
    uv, python = Path(sys.executable).with_name("uv"), root / "environment" / "bin" / "python"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, root / "environment"], check=True, cwd=root)
    (site,) = (root / "environment").glob("lib/python*/site-packages")
    (site / "of-the-tests.pth").write_text(str(Path(click.__file__).parent.parent))
    install = [uv, "pip", "install", "-q", "--offline", "--no-deps", "--python", python, wheel]
    subprocess.run(install, check=True, cwd=root, env=installing.bare())
    elsewhere = root / "elsewhere"
    elsewhere.mkdir()
    return Installed(wheel, python, elsewhere)


def test_the_wheel_holds_all_that_a_run_needs(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as packed:
        names = set(packed.namelist())
    tracked = subprocess.run(["git", "ls-files", "runbooks"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert set(tracked.stdout.split()) <= names
    assert {f"runbooks/definitions/{path.name}" for path in (CHECKOUT / "notebooks").glob("*.ipynb")} <= names
    assert not [name for name in names if not name.startswith(("runbooks/", "fly_runbooks-"))]


def test_the_demo_runs_outside_of_a_clone_under_both_names(installed: Installed) -> None:
    assert installed.call("runbooks", "--version").stdout == installed.call("fly-runbooks", "--version").stdout != ""
    ended = installed.call("fly-runbooks", "demo")
    assert ended.returncode == 0, ended.stderr
    (report,) = installed.folder.glob("outputs/*/*/report.html")
    assert (report.parent / "report.ipynb").is_file()
    summary = json.loads((report.parent / "summary.json").read_text())
    assert summary["cause"]["slug"] == "missing-environment"
    found = installing.notebooks(installed.python, installed.folder)
    assert set(found) == {name for name, one in definitions.discovered().items() if not one.distribution}
    assert {path.parent.name for path in found.values()} == {"definitions"}


def test_what_belongs_to_a_clone_says_so(installed: Installed) -> None:
    ended = installed.call("runbooks", "new", "disk_full")
    assert ended.returncode == 2
    assert "--into" in ended.stderr


def test_what_an_extra_brings_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from runbooks.collect.records import RecordsReader
    from runbooks.evidence.redaction import Redactor

    monkeypatch.setitem(sys.modules, "psycopg", None)
    reader = RecordsReader("postgresql://reader@127.0.0.1:9/app", {}, Redactor())
    assert "pip install 'fly-runbooks[records]'" in reader.rows("cloud_machines", ("91850296bd4738",)).reason


def test_without_jupyterlab_lab_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from runbooks.execution import lab

    monkeypatch.setattr(lab, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as ended:
        lab.main.main([])
    assert ended.value.code == 2
    assert "pip install 'fly-runbooks[lab]'" in capsys.readouterr().err


def test_the_extras_are_all_that_the_pins_hold() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    pinned = (CHECKOUT / "requirements.txt").read_text()
    for name in ("lab", "records"):
        for requirement in extras[name]:
            assert re.search(rf"(?m)^{re.match('[a-z]+', requirement)[0]}==", pinned), requirement  # type: ignore[index]
    assert project["scripts"]["runbooks"] == project["scripts"]["fly-runbooks"]


def test_the_image_is_not_roots_and_copies_only_what_is_there() -> None:
    """hadolint reads the file in `tools/audit.sh`, and `make package` runs its steps; nothing here builds an image."""
    found = installing.instructions((CHECKOUT / "Dockerfile").read_text())
    last: Callable[[str], list[str]] = lambda name: [words for one, words in found if one == name][-1]  # noqa: E731
    assert int(last("USER")[0]) > 0
    assert last("ENTRYPOINT") == ["[runbooks]"]
    allowed = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().split() if line.startswith("!")}
    copied = {name for one, words in found if one == "COPY" for name in words[:-1]}
    assert copied == allowed
    assert all((CHECKOUT / name).exists() for name in copied)


def test_only_the_job_that_publishes_may_have_an_identity() -> None:
    workflow = yaml.safe_load((CHECKOUT / ".github/workflows/release.yml").read_text())
    assert workflow["permissions"] == {}
    jobs = workflow["jobs"]
    assert {name: job["permissions"] for name, job in jobs.items()} == {
        "build": {"contents": "read"},
        "publish": {"id-token": "write"},
    }
    assert jobs["publish"]["environment"] == "pypi"
    assert "make package" in [step.get("run") for step in jobs["build"]["steps"]]
    assert not [step for step in jobs["publish"]["steps"] if "run" in step]
