"""Wheel and source distribution, each installed with its real dependencies into an empty environment, and used there.

`make package` runs it; it needs a package index, and takes some minutes. What is used: the demo, a run, papermill with
the notebook that the package brings, and JupyterLab until it answers. Then the other ways to install it: uvx, pipx,
Airflow's own environment, and the steps of the Dockerfile.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent.parent
_LAB_SECONDS = 60
_UV = str(Path(sys.executable).with_name("uv"))
_AIRFLOW = ("apache-airflow==3.3.2", "apache-airflow-providers-papermill==3.13.3")
"""As docs/scheduling.md and docs/install.md name them."""


def build(into: Path, *options: str) -> tuple[Path, Path]:
    """The wheel, built from the source distribution, and the source distribution."""
    _run([sys.executable, "-P", "-m", "build", *options, "--outdir", str(into), str(CHECKOUT)], CHECKOUT)
    (wheel,), (source,) = into.glob("*.whl"), into.glob("*.tar.gz")
    return wheel, source


def new_environment(folder: Path) -> Path:
    """An empty virtual environment; its Python."""
    _run([sys.executable, "-m", "venv", str(folder)], folder.parent)
    return folder / "bin" / "python"


def use(python: Path, folder: Path) -> None:
    """Everything that a user of an installed package does, in a folder that is no clone."""
    scripts = python.parent
    _run([str(scripts / "fly-runbooks"), "demo"], folder)
    assert list(folder.glob("outputs/*/*/report.ipynb")), "the demo left no report in ./outputs"
    ended = _run([*_RUN, "--source", "simulator:healthy", "--json"], folder, scripts)
    assert '"verdict": "healthy"' in ended
    notebook = notebooks(python, folder)["machine_not_visible"]
    _run([str(scripts / "papermill"), str(notebook), "out.ipynb", "-r", "source", "simulator:healthy"], folder)
    assert (folder / "out.ipynb").is_file()
    lab_answers(python, folder)


_RUN = ("runbooks", "run", "machine_not_visible")


def notebooks(python: Path, folder: Path) -> dict[str, Path]:
    """The notebooks of the installed package, by runbook."""
    told = _run([str(python.parent / "runbooks"), "list", "--notebooks"], folder)
    found = {name: Path(path) for name, path in (line.split("\t") for line in told.splitlines())}
    assert all(path.is_file() and CHECKOUT not in path.parents for path in found.values()), found
    return found


def lab_answers(python: Path, folder: Path) -> None:
    """JupyterLab starts with a copy of the notebook, and answers."""
    options = ["--", "--no-browser", "--IdentityProvider.token=", "--ServerApp.port=0"]
    with (folder / "lab.log").open("w") as log:
        lab = subprocess.Popen(
            [str(python.parent / "runbooks"), "lab", *options], cwd=folder, env=bare(), stdout=log, stderr=log
        )
        try:
            end = time.monotonic() + _LAB_SECONDS
            while not (found := re.search(r"http://\S+:(\d+)/lab\S*", (folder / "lab.log").read_text())):
                assert lab.poll() is None, (folder / "lab.log").read_text()
                assert time.monotonic() < end, "JupyterLab did not start"
                time.sleep(0.2)
            with urllib.request.urlopen(found[0]) as answer:
                assert answer.status == 200
        finally:
            lab.terminate()
            lab.wait(30)


def by_uvx_and_pipx(wheel: Path, folder: Path) -> None:
    """The two commands that docs/install.md begins with; pipx itself comes from the index, too."""
    tools = {
        "UV_TOOL_DIR": str(folder / "tools"),
        "PIPX_HOME": str(folder / "pipx"),
        "PIPX_BIN_DIR": str(folder / "bin"),
    }
    uvx = (_UV, "tool", "run", "--quiet", "--python", sys.executable)
    for name, command in (
        ("uvx", (*uvx, "--from", str(wheel), "fly-runbooks", "demo")),
        ("pipx", (*uvx, "pipx", "install", "--quiet", str(wheel))),
        ("pipx", (str(folder / "bin" / "runbooks"), "demo")),
    ):
        used_in = folder / f"used-by-{name}"
        used_in.mkdir(exist_ok=True)
        _run(command, used_in, more=tools)
    assert len(list(folder.glob("used-by-*/outputs/*/*/report.ipynb"))) == 2


def in_airflow(wheel: Path, folder: Path) -> None:
    """Beside Airflow nothing is in conflict, and no package of Airflow is changed."""
    python = new_environment(folder / "airflow")
    install = (_UV, "pip", "install", "--quiet", "--python", str(python))
    _run([*install, *_AIRFLOW], folder)
    before = _versions(python, folder)
    _run([*install, str(wheel)], folder)
    _run([str(python), "-m", "pip", "check"], folder)
    after = _versions(python, folder)
    assert {name: after.get(name) for name in before} == before
    assert notebooks(python, folder)


def size(python: Path, folder: Path) -> str:
    """How many packages an environment holds besides pip, and how much room they take."""
    (site,) = python.parent.parent.glob("lib/python*/site-packages")
    files = [path for path in site.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    kept = [path for path in files if path.relative_to(site).parts[0].partition("-")[0] not in ("pip", "setuptools")]
    count = len(_versions(python, folder).keys() - {"pip", "setuptools"})
    return f"{count} packages, {sum(path.stat().st_size for path in kept) / 1e6:.0f} MB"


def _versions(python: Path, folder: Path) -> dict[str, str]:
    told = _run([str(python), "-m", "pip", "list", "--format=json"], folder)
    return {one["name"]: one["version"] for one in json.loads(told)}


def dockerfile_steps(folder: Path) -> None:
    """What COPY and RUN of the Dockerfile do, in a fresh folder and environment; the image itself is not built."""
    root = folder / "image"
    root.mkdir()
    python = new_environment(folder / "python")
    for instruction, words in instructions((CHECKOUT / "Dockerfile").read_text()):
        if instruction == "COPY":
            _run(["cp", "-r", *(str(CHECKOUT / name) for name in words[:-1]), str(root / words[-1])], root)
        elif instruction == "RUN" and words[:3] == ["python", "-m", "pip"]:
            _run([str(python), *words[1:]], root)
    use_in = folder / "outputs"
    use_in.mkdir()
    _run([str(python.parent / "runbooks"), "demo"], use_in)


def instructions(text: str) -> list[tuple[str, list[str]]]:
    """The instructions of a Dockerfile, each with its words."""
    lines = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", text)).splitlines()
    split = (line.partition(" ") for line in lines if line.strip())
    return [(name, shlex.split(rest)) for name, _, rest in split]


def bare() -> dict[str, str]:
    """The environment without settings of the person who runs this, and without this checkout."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FLY_", "RUNBOOKS_", "PYTHON"))}
    return kept | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def _run(
    command: Sequence[str], folder: Path, scripts: Path | None = None, more: Mapping[str, str] | None = None
) -> str:
    first = [str(scripts / command[0])] if scripts else [command[0]]
    env = bare() | dict(more or {})
    done = subprocess.run(
        [*first, *command[1:]], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, f"{shlex.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def main() -> None:
    """Build into dist/, and try what was built."""
    wheel, source = build(CHECKOUT / "dist")
    for built in (wheel, source):
        with _place("package") as folder:
            python = new_environment(folder / "environment")
            _run([str(python), "-m", "pip", "install", "-q", f"fly-runbooks @ {built.as_uri()}"], folder)
            alone = size(python, folder)
            _run([str(python), "-m", "pip", "install", "-q", f"fly-runbooks[lab,records] @ {built.as_uri()}"], folder)
            _run([str(python), "-m", "pip", "check"], folder)
            elsewhere = folder / "elsewhere"
            elsewhere.mkdir()
            use(python, elsewhere)
            _say(f"{built.name}: {alone}; with lab and records {size(python, folder)}.")
            _say(f"{built.name}: demo, run, papermill and JupyterLab work.")
    with _place("tools") as folder:
        by_uvx_and_pipx(wheel, folder)
        _say("uvx and pipx: the demo works.")
    with _place("airflow") as folder:
        in_airflow(wheel, folder)
        _say(f"{' and '.join(_AIRFLOW)}: pip check is clean, and no package was changed.")
    with _place("image") as folder:
        dockerfile_steps(folder)
        _say("Dockerfile: its steps work in a fresh folder.")


@contextmanager
def _place(name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=f"fly-runbooks-{name}-") as place:
        yield Path(place)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
