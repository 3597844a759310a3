"""The doctor names what is wrong with a set-up, and says what mends it."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runbooks.cli import cli
from runbooks.collect.edge import Edge
from runbooks.collect.result import seen, unavailable
from runbooks.evidence.models import Resolution
from runbooks.execution import doctor, notify
from runbooks.execution.doctor import Finding, State
from runbooks.report.charts import text_metrics
from tests.ports import closed_port

Break = Callable[[pytest.MonkeyPatch, Path], None]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path / "outputs"))
    monkeypatch.setattr(doctor, "_kernel", lambda: "starts")


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


def _no_feed(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """A server that answers, and has no feed."""
    patch.setenv("RUNBOOKS_STATUS_URL", f"{_started(http.server.BaseHTTPRequestHandler)}/feed")


def _started(handler: type[http.server.BaseHTTPRequestHandler]) -> str:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


NOWHERE = f"http://127.0.0.1:{closed_port()}"
BROKEN: dict[str, tuple[str, Break, str]] = {
    "no token": ("live", _set(FLY_API_HOSTNAME=NOWHERE, FLY_API_BASE_URL=NOWHERE, RUNBOOKS_STATUS_URL="off"), "token"),
    "refused token": ("simulator:token-invalid", _set(), "token"),
    "unknown app": ("simulator:healthy", _set(), "app"),
    "host refuses": ("live", _set(FLY_API_HOSTNAME=NOWHERE, FLY_API_BASE_URL=NOWHERE), "127.0.0.1"),
    "registry refuses": ("live", _set(RUNBOOKS_REGISTRIES=f"registry.fly.io={NOWHERE}"), "127.0.0.1"),
    "status feed": ("live", _no_feed, "status feed"),
    "status feed refuses": ("live", _set(RUNBOOKS_STATUS_URL=f"{NOWHERE}/feed"), "127.0.0.1"),
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


# What is told as a problem, and what is not looked at because of it.
ROOTS: dict[str, tuple[str, Break, set[str], set[str]]] = {
    "no token": (
        "live",
        _set(RUNBOOKS_RECORDS_URL="sqlite:///FOLDER/none.db"),
        {"token", "database"},
        {"app", "organisation"},
    ),
    "refused token": ("simulator:token-invalid", _set(), {"token"}, {"app", "organisation"}),
    "no connection": ("live", _set(FLY_API_TOKEN="fo1_x"), {"127.0.0.1"}, {"token", "app", "organisation"}),
}


@pytest.mark.parametrize("name", ROOTS)
def test_one_problem_is_told_once_and_what_depends_on_it_was_not_looked_at(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source, spoil, wrong, not_looked_at = ROOTS[name]
    answers = _started(http.server.BaseHTTPRequestHandler)
    address = NOWHERE if name == "no connection" else answers
    monkeypatch.setenv("RUNBOOKS_CONNECT_TO", "fly.io:443=127.0.0.1:1")
    for variable in ("FLY_API_HOSTNAME", "FLY_API_BASE_URL"):
        monkeypatch.setenv(variable, address)
    monkeypatch.setenv("RUNBOOKS_REGISTRIES", f"registry.fly.io={address}")
    monkeypatch.setenv("RUNBOOKS_STATUS_URL", "off")
    spoil(monkeypatch, tmp_path)
    monkeypatch.setattr(Edge, "resolve", lambda edge, host: seen(host, Resolution(host, "NOERROR", ("127.0.0.1",))))
    found = _examined(source, "vyx-app")
    assert {one.name for one in found.values() if one.state is State.PROBLEM} == wrong
    assert {one.name for one in found.values() if one.state is State.NOT_LOOKED_AT} == not_looked_at
    assert all(found[one].found.startswith("not looked at, because ") for one in not_looked_at)


def test_without_names_no_host_is_a_problem_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Edge, "resolve", lambda edge, host: unavailable(host))
    found = _examined("live", "")
    assert [one.name for one in found.values() if one.state is State.PROBLEM] == ["names of hosts (DNS)", "token"]
    assert found["api.machines.dev"].found == "not looked at, because names do not resolve here"


def test_a_name_that_nobody_asks_is_no_problem_where_all_hosts_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = _started(http.server.BaseHTTPRequestHandler)
    for variable in ("FLY_API_HOSTNAME", "FLY_API_BASE_URL"):
        monkeypatch.setenv(variable, answers)
    monkeypatch.setenv("RUNBOOKS_REGISTRIES", f"registry.fly.io={answers}")
    monkeypatch.setenv("RUNBOOKS_STATUS_URL", "off")
    resolution = seen("127.0.0.1", Resolution("127.0.0.1", "NOERROR", ("127.0.0.1",)))
    monkeypatch.setattr(Edge, "resolve", lambda edge, host: unavailable(host) if host == "fly.io" else resolution)
    found = _examined("live", "")
    assert "names of hosts (DNS)" not in found
    assert found["127.0.0.1"].state is State.OK


def test_a_test_message_is_sent_only_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    got: list[dict[str, str]] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(500 if self.path == "/full" else 200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    host = _started(Receiver).removeprefix("http://")
    monkeypatch.setattr(notify.deliver.retry, "sleep", lambda seconds: None)  # type: ignore[attr-defined]
    words = ["doctor", "--source", "simulator:healthy", "--app", "vyx-app"]
    unset = CliRunner().invoke(cli, [*words, "--send-test-message"])
    assert (unset.exit_code, "✗ notifications: RUNBOOKS_NOTIFY is not set" in unset.stdout) == (3, True)
    monkeypatch.setenv("RUNBOOKS_NOTIFY", f"json://{host}/secret-word json://{host}/full")
    silent = CliRunner().invoke(cli, words)
    assert (silent.exit_code, got) == (0, [])
    assert f"✓ notifications: JSON to {host}, JSON to {host} (no message was sent" in silent.stdout
    ended = CliRunner().invoke(cli, [*words, "--send-test-message"])
    assert ended.exit_code == 3
    assert f"✓ notification 1: a test message was sent: JSON to {host}" in ended.stdout
    assert f"✗ notification 2: JSON to {host} did not take a test message" in ended.stdout
    assert "Correct address 2 in RUNBOOKS_NOTIFY" in ended.stdout
    assert "secret-word" not in ended.stdout
    assert [one["title"] for one in got] == ["fly-runbooks: test message"] * 4  # one, and three attempts


def test_a_list_of_several_pages_is_told_in_plain_words() -> None:
    found = _examined("simulator:fleet-agreeing", "")["organisation"]
    assert found.found == "its machines can be read: 1,000 on the first page of their list, and more behind it"


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
