"""Is this set-up ready for a run? One finding a part, each with the command that mends it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from runbooks.base import folders
from runbooks.base.errors import RunbookError
from runbooks.base.facets import Facet
from runbooks.base.files import why
from runbooks.base.parameters import Parameters
from runbooks.base.prompt import how_to_get
from runbooks.base.settings import Settings, load_settings
from runbooks.evidence.models import Observation, Outcome, Reason, Token, TokenInside

_SOON = timedelta(days=2)
_KEY = "runbooks-doctor"
"""A row of this key is searched: that there is none shows that the table can be read."""
_PACKAGES = ("fly-runbooks", "papermill", "ipykernel", "nbclient", "pandas", "matplotlib", "apprise")
_EXTRAS = {"jupyterlab": "lab", "sqlalchemy": "records", "psycopg": "records"}
_FACETS = (Facet.TOKEN, Facet.TOKEN_INSIDE, Facet.APP, Facet.ORGANISATION, Facet.RECORD, Facet.STATUS)
_REGISTRY = "registry.fly.io"


class State(StrEnum):
    """How a part of the set-up is."""

    OK = "ok"
    PROBLEM = "problem"
    NOT_USED = "not-used"


@dataclass(frozen=True)
class Finding:
    """One part of the set-up: its state, what was found, and where something is wrong the command that mends it."""

    name: str
    state: State
    found: str
    mend: str = ""


def examine(app: str = "", source: str = "live") -> Iterator[Finding]:
    """Look at each part in turn, what is on this machine first.

    Args:
        app: an app to read; without one only the token and its organisation are tried
        source: `live`, or a scenario of the simulator
    """
    yield from _versions()
    yield _part("kernel", _kernel, "make clean demo")
    yield _part("letters of figures", _letters, "pip install --force-reinstall matplotlib")
    try:
        settings = load_settings()
    except RunbookError as error:
        yield Finding("settings", State.PROBLEM, str(error), "Correct the variable: docs/settings.md lists all of them")
        return
    yield Finding("settings", State.OK, "every variable can be read")
    yield _disk(settings.output_root)
    yield _notify(settings)
    if source == "live":
        yield from _hosts(settings)
    yield from _answers(settings, app, source)


def _versions() -> Iterator[Finding]:
    found = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    yield Finding("versions", State.OK, found)
    for name, extra in _EXTRAS.items():
        try:
            yield Finding(name, State.OK, version(name))
        except PackageNotFoundError:
            yield Finding(name, State.NOT_USED, "not installed", f"pip install 'fly-runbooks[{extra}]'")


def _part(name: str, look: Callable[[], str], mend: str) -> Finding:
    try:
        return Finding(name, State.OK, look())
    except Exception as error:  # whatever is broken there, it is that part's finding
        said = (str(error).strip().splitlines() or [""])[0][:200]
        return Finding(name, State.PROBLEM, f"{type(error).__name__}: {said}", mend)


def _kernel() -> str:
    """A kernel as a run starts it, and one line in it."""
    from jupyter_client.manager import KernelManager

    from runbooks.execution.kernel import ThisPython

    with tempfile.TemporaryDirectory(prefix=folders.SCRATCH) as scratch:
        manager = KernelManager(
            kernel_name="python3",
            kernel_spec_manager=ThisPython(),
            transport="ipc",
            connection_file=f"{scratch}/k.json",
        )
        manager.start_kernel()
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=60)
            ended = client.execute_interactive("import runbooks.case", timeout=60, output_hook=lambda message: None)
            if ended["content"]["status"] != "ok":
                raise RuntimeError(f"{ended['content']['ename']}: {ended['content']['evalue']}")
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    return "starts, and imports runbooks"


def _letters() -> str:
    from runbooks.report.charts import text_metrics

    text_metrics.width("Aa", 10, bold=True)
    return text_metrics.FAMILY


def _disk(root: Path) -> Finding:
    name = "output folder"
    existing = next(path for path in (root.absolute(), *root.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            free = shutil.disk_usage(existing).free
    except OSError as error:
        mend = f"Choose another place: export RUNBOOKS_OUTPUT_ROOT=DIR (docs/settings.md); {existing} refuses"
        return Finding(name, State.PROBLEM, f"{root} cannot be written ({why(error)})", mend)
    if free < folders.ROOM:
        mend = "Free some space: runbooks prune --keep 30d"
        return Finding(name, State.PROBLEM, f"only {free:,} bytes are free at {existing}", mend)
    return Finding(name, State.OK, f"{root} ({free / 1e9:,.1f} GB free)")


def _notify(settings: Settings) -> Finding:
    setting = settings.notify.get_secret_value()
    if not setting.strip():
        return Finding("notifications", State.NOT_USED, "RUNBOOKS_NOTIFY is not set")
    from runbooks.execution import notify

    try:
        services = [notify.service(address) for address in notify.addresses_of(setting)]
    except RunbookError as error:
        return Finding("notifications", State.PROBLEM, str(error), "Correct RUNBOOKS_NOTIFY: docs/scheduling.md")
    return Finding("notifications", State.OK, f"{', '.join(services)} (no message was sent)")


def _hosts(settings: Settings) -> Iterator[Finding]:
    """How far a connection to each host comes that a run asks."""
    import ssl

    from runbooks.collect.edge import Edge
    from runbooks.evidence.redaction import Redactor, secrets_of

    redactor = Redactor()
    for value, kind in secrets_of(settings):
        redactor.add_secret(value, kind)
    edge = Edge(settings.connect_to, ssl.create_default_context(), redactor)
    wanted = [settings.machines_url, settings.platform_url, settings.registries.get(_REGISTRY, f"https://{_REGISTRY}")]
    wanted += [url for url in (settings.status_url, settings.metrics_url) if urlsplit(url).netloc]
    for origin in dict.fromkeys(f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in wanted):
        host = urlsplit(origin).hostname or origin
        told = edge.probe(f"{origin}/")
        answered = told.answer is not None and told.answer.reached in ("upgrade", "open")
        found = "answers" if answered else redactor.text(told.reason)
        yield Finding(host, State.OK if answered else State.PROBLEM, found, "" if answered else f"curl -v {origin}/")


def _answers(settings: Settings, app: str, source: str) -> Iterator[Finding]:
    """What a run would ask first, asked."""
    from runbooks.source import collect

    parameters = Parameters.model_validate({"app_name": app, "record_key": _KEY, "source": source})
    asked = collect(parameters, settings, facets=_FACETS).evidence.observations
    known = {one.facet: one for one in asked.values()}
    token = f'export FLY_API_TOKEN="$({how_to_get("")})"'
    for facet, name, mend in (
        (Facet.TOKEN, "token", token),
        (Facet.APP, "app", f"fly apps list; then runbooks doctor --app NAME ({app or 'none was given'})"),
        (Facet.ORGANISATION, "organisation", "fly orgs list"),
        (Facet.RECORD, "database", "Compare RUNBOOKS_RECORDS_URL and RUNBOOKS_RECORDS_COLUMNS with docs/database.md"),
        (Facet.STATUS, "status feed", "export RUNBOOKS_STATUS_URL=off"),
    ):
        if facet in known:
            yield _answered(name, known[facet], mend)
    inside = known.get(Facet.TOKEN_INSIDE)
    if inside is not None and isinstance(inside.answer, TokenInside):
        yield _expiry(inside.answer, inside.reason, token)


def _answered(name: str, asked: Observation, mend: str) -> Finding:
    unused = asked.code in (Reason.NOT_CONFIGURED, Reason.SWITCHED_OFF, Reason.NOT_GIVEN)
    if asked.facet is Facet.APP and asked.outcome is Outcome.COULD_NOT_LOOK and not asked.exchanges:
        unused = True
    if unused:
        return Finding(name, State.NOT_USED, asked.reason)
    wrong = asked.outcome is Outcome.COULD_NOT_LOOK or (asked.facet is Facet.APP and asked.outcome is Outcome.ABSENT)
    wrong |= isinstance(asked.answer, Token) and not asked.answer.valid
    if asked.facet is Facet.RECORD and not wrong:
        return Finding(name, State.OK, "the table can be read")
    return Finding(name, State.PROBLEM if wrong else State.OK, asked.reason, mend if wrong else "")


def _expiry(inside: TokenInside, found: str, mend: str) -> Finding:
    ends = [part.not_after for part in inside.parts if part.not_after]
    soon = bool(ends) and min(ends) < datetime.now(UTC) + _SOON
    return Finding("token's expiry", State.PROBLEM if soon else State.OK, found, mend if soon else "")
