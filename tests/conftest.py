"""Rules for all tests, and what several files share."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import CHROMIUM_FLAGS
from hypothesis import HealthCheck, settings
from produced import SHARED, Production

# A busy machine must not fail a test. CI always tries the same examples: what fails there is due to the change.
settings.register_profile(
    "untimed",
    deadline=None,
    derandomize="RUNBOOKS_CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("untimed")


def pytest_configure() -> None:
    """No test may see the credentials or settings of the person who runs it."""
    for name in list(os.environ):
        if name.startswith(("FLY_", "RUNBOOKS_")) and name != "RUNBOOKS_CI":
            del os.environ[name]
    # A case that is opened and never published keeps what it saw; not among the runs of this checkout.
    os.environ["RUNBOOKS_OUTPUT_ROOT"] = tempfile.mkdtemp(prefix="runbooks-tests-")
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ[SHARED] = tempfile.mkdtemp(prefix="runbooks-tests-")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Started in the background, where a shell has Ctrl-C ignored, and what the tests start would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)


SLOW = frozenset(
    (
        "lab",
        "guard",
        "faults",
        "canaries",
        "hostile",
        "replay",
        "real",
        "compat",
        "test_scenarios",
        "test_platform_noise",
        "test_removal",
        "test_remedies",
        "bad_inputs",
        "test_kept",
        "test_contradictions",
        "test_endings",
        "test_foreign_text",
        "test_ten_thousand",
        "test_secrets",
        "test_nothing_reachable",
        "test_ways_to_run",
        "test_interrupted",
        "test_killed",
        "test_runner",
        "test_preflight",
        "test_sources",
        "test_verify_fix",
        "test_fleet",
        "test_cluster",
        "test_other_distribution",
        "test_package",
        "test_wording",
        "test_mcp",
        "test_openapi",
        "test_site",
        "test_creation",
        "test_shared_answers",
        "test_sweep",
        "test_notify",
    )
)
"""Folders below tests/, and names of test files, that `make check` leaves out and `make test` runs."""


def pytest_unconfigure() -> None:
    """The evidence that the workers shared is of this session only."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ[SHARED], ignore_errors=True)


def _is_slow(path: Path) -> bool:
    inside = path.relative_to(Path(__file__).parent)
    return bool({*inside.parent.parts, inside.stem} & SLOW)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What `make check` leaves out is not even imported."""
    return True if config.getoption("markexpr") == "not slow" and _is_slow(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what lies in a slow folder or file, and every test that needs a browser."""
    for item in items:
        if _is_slow(item.path) or {"browser", "chromium"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end; the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that skips itself has failed: there everything it needs is installed."""
    report = yield
    if os.environ.get("RUNBOOKS_CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a file that skips itself as a whole."""
    report = yield
    if os.environ.get("RUNBOOKS_CI") and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium that Playwright can drive; without one the test is skipped (in CI: failed)."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium on this machine")
    return found


@pytest.fixture
def nothing_reachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No token is set, and nothing answers: what was pasted is all that there is."""
    for name in ("FLY_API_TOKEN", "FLY_ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("FLY_API_HOSTNAME", "FLY_API_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the discard port
    monkeypatch.setenv("RUNBOOKS_REGISTRIES", "registry.fly.io=http://127.0.0.1:9")
    monkeypatch.setenv("RUNBOOKS_CONNECT_TO", "*:*=nxdomain")
    monkeypatch.setenv("RUNBOOKS_STATUS_URL", "off")
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path))


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture is drawn: that is a third of the work of a report, and has tests of its own."""
    from runbooks.report import charts
    from runbooks.report.section import Figure

    blank = Figure("picture", "a picture", lambda: "<svg></svg>", bytes)
    for name in charts.__all__:
        monkeypatch.setattr(charts, name, lambda *_: blank)


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Production:
    """The production runner's runs of the scenarios, shared by all workers of this session."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "produced"
    shared.mkdir(exist_ok=True)
    return Production(shared)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    """One running Chromium for all tests of a file."""
    sync = pytest.importorskip("playwright.sync_api")
    with sync.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield launched
        launched.close()
