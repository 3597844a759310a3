"""The doctor names what is wrong with a set-up, and says what mends it."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runbooks.cli import cli
from runbooks.execution import doctor
from runbooks.execution.doctor import Finding, State
from runbooks.report.charts import text_metrics

Break = Callable[[pytest.MonkeyPatch, Path], None]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path / "outputs"))
    monkeypatch.setattr(doctor, "_kernel", lambda: "starts")


def _closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _set(**variables: str) -> Break:
    def apply(patch: pytest.MonkeyPatch, folder: Path) -> None:
        for name, value in variables.items():
            patch.setenv(name, value.replace("FOLDER", str(folder)))

    return apply


def _no_room(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 1000))  # type: ignore[attr-defined]


def _no_place(patch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "file").write_text("")
    patch.setenv("RUNBOOKS_OUTPUT_ROOT", str(folder / "file"))


def _no_font(patch: pytest.MonkeyPatch, folder: Path) -> None:
    def missing(*arguments: object, **options: object) -> float:
        raise ValueError("Failed to find font DejaVu Sans")

    patch.setattr(text_metrics, "width", missing)


def _no_kernel(patch: pytest.MonkeyPatch, folder: Path) -> None:
    def broken() -> str:
        raise RuntimeError("Kernel died before replying to kernel_info")

    patch.setattr(doctor, "_kernel", broken)


NOWHERE = f"http://127.0.0.1:{_closed()}"
BROKEN: dict[str, tuple[str, Break, str]] = {
    "no token": ("live", _set(FLY_API_HOSTNAME=NOWHERE, FLY_API_BASE_URL=NOWHERE, RUNBOOKS_STATUS_URL="off"), "token"),
    "refused token": ("simulator:token-invalid", _set(), "token"),
    "unknown app": ("simulator:healthy", _set(), "app"),
    "host refuses": ("live", _set(FLY_API_HOSTNAME=NOWHERE, FLY_API_BASE_URL=NOWHERE), "127.0.0.1"),
    "registry refuses": ("live", _set(RUNBOOKS_REGISTRIES=f"registry.fly.io={NOWHERE}"), "127.0.0.1"),
    "status feed": ("live", _set(RUNBOOKS_STATUS_URL=f"{NOWHERE}/feed"), "status feed"),
    "no database": ("live", _set(RUNBOOKS_RECORDS_URL="sqlite:///FOLDER/none.db"), "database"),
    "a web address": ("live", _set(RUNBOOKS_RECORDS_URL="https://example.com/rows"), "database"),
    "a variable": ("live", _set(RUNBOOKS_CONNECT_TO="nonsense"), "settings"),
    "notification": ("live", _set(RUNBOOKS_NOTIFY="nosuch://secret-token-123456"), "notifications"),
    "no place": ("live", _no_place, "output folder"),
    "no room": ("live", _no_room, "output folder"),
    "no letters": ("live", _no_font, "letters of figures"),
    "no kernel": ("live", _no_kernel, "kernel"),
}


def _examined(source: str, app: str) -> dict[str, Finding]:
    return {finding.name: finding for finding in doctor.examine(app, source)}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named_with_what_mends_it(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source, spoil, part = BROKEN[name]
    for host in ("api.machines.dev", "api.fly.io", "registry.fly.io", "incidents.flyio.net", "fly.io"):
        monkeypatch.setenv("RUNBOOKS_CONNECT_TO", f"{host}:443=nxdomain")
    spoil(monkeypatch, tmp_path)
    app = "no-such-app" if name == "unknown app" else "vyx-app" if source != "live" else ""
    found = _examined(source, app)[part]
    assert found.state is State.PROBLEM
    assert found.mend
    assert "secret-token-123456" not in f"{found.found}{found.mend}"


def test_a_set_up_in_order_has_no_problem() -> None:
    found = _examined("simulator:healthy", "vyx-app")
    assert [one.name for one in found.values() if one.state is State.PROBLEM] == []
    assert found["database"].state is State.OK
    assert found["token"].state is State.OK


def test_the_command_ends_with_three_and_prints_json() -> None:
    def run(*arguments: str) -> Any:
        return CliRunner().invoke(cli, ["doctor", *arguments], catch_exceptions=False)

    good = run("--source", "simulator:healthy", "--app", "vyx-app", "--json")
    assert good.exit_code == 0
    assert {"name", "state", "found", "mend"} == set(json.loads(good.stdout)["findings"][0])
    bad = run("--source", "simulator:token-invalid", "--app", "vyx-app")
    assert bad.exit_code == 3
    assert "✗ token: " in bad.stdout
    assert "fly tokens create readonly" in bad.stdout
