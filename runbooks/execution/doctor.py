"""Is this set-up ready for a run? One finding a part, each with the command that mends it."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from runbooks.base import folders
from runbooks.base.errors import RunbookError
from runbooks.base.facets import Facet, FacetEnum
from runbooks.base.files import why
from runbooks.base.parameters import Parameters
from runbooks.base.prompt import how_to_get
from runbooks.base.settings import Settings, load_settings
from runbooks.evidence.models import Listing, Observation, Outcome, Reason, Token, TokenInside
from runbooks.execution.notify import Deliver

_SOON = timedelta(days=2)
_KEY = "runbooks-doctor"
"""A row of this key is searched: that there is none shows that the table can be read."""
_PACKAGES = ("fly-runbooks", "papermill", "ipykernel", "nbclient", "pandas", "matplotlib", "apprise")
_EXTRAS = {"jupyterlab": "lab", "sqlalchemy": "records", "psycopg": "records"}
_WITHOUT_TOKEN = (Facet.RECORD, Facet.STATUS)
_FACETS = (Facet.TOKEN, Facet.TOKEN_INSIDE, Facet.APP, Facet.ORGANISATION, *_WITHOUT_TOKEN)
_REGISTRY = "registry.fly.io"
_NO_ACCESS = {Reason.NO_TOKEN: "no token is set", Reason.BAD_TOKEN: "the token is refused"}


class State(StrEnum):
    """How a part of the set-up is."""

    OK = "ok"
    PROBLEM = "problem"
    NOT_USED = "not-used"
    NOT_LOOKED_AT = "not-looked-at"
    """Another part has the problem, and this one could only be looked at without it."""


@dataclass(frozen=True)
class Finding:
    """One part of the set-up: its state, what was found, and where something is wrong the command that mends it."""

    name: str
    state: State
    found: str
    mend: str = ""


def examine(app: str = "", source: str = "live", deliver: Deliver | None = None) -> Iterator[Finding]:
    """Look at each part in turn, what is on this machine first.

    Args:
        app: an app to read; without one only the token and its organisation are tried
        source: `live`, or a scenario of the simulator
        deliver: sends a test message to each address of `RUNBOOKS_NOTIFY`; None sends nothing
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
    yield from _notify(settings, deliver)
    unreached: dict[str, str] = {}
    if source == "live":
        yield from _hosts(settings, unreached)
    yield from _answers(settings, app, source, unreached)


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


def _notify(settings: Settings, deliver: Deliver | None) -> Iterator[Finding]:
    name, setting = "notifications", settings.notify.get_secret_value()
    if not setting.strip():
        mend = "Set RUNBOOKS_NOTIFY: docs/scheduling.md" if deliver else ""
        state = State.PROBLEM if deliver else State.NOT_USED
        yield Finding(name, state, "RUNBOOKS_NOTIFY is not set", mend)
        return
    from runbooks.execution import addresses

    try:
        known = addresses.addresses_of(setting)
    except RunbookError as error:
        yield Finding(name, State.PROBLEM, str(error), "Correct RUNBOOKS_NOTIFY: docs/scheduling.md")
        return
    if deliver is None:
        found = ", ".join(addresses.label(address) for address in known)
        hidden = "; tokens and paths are not shown, because they can be secret"
        yield Finding(name, State.OK, f"{found} (no message was sent{hidden})")
        return
    sent_by = f"Sent by runbooks doctor on {platform.node()}. Messages about changes arrive here."
    for number, address in enumerate(known, start=1):
        label = addresses.label(address)
        if deliver(address, "fly-runbooks: test message", sent_by):
            yield Finding(f"notification {number}", State.OK, f"a test message was sent: {label}")
        else:
            shows = f"{_tool('apprise')} -vv -b test ADDRESS"
            mend = f"Correct address {number} in RUNBOOKS_NOTIFY; this shows the answer of the service: {shows}"
            yield Finding(f"notification {number}", State.PROBLEM, f"{label} did not take a test message", mend)


def _tool(name: str) -> str:
    """A command of this environment, which need not be on the path."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else name


def _hosts(settings: Settings, unreached: dict[str, str]) -> Iterator[Finding]:
    """How far a connection to each host comes that a run asks; `unreached` is filled with why one does not answer."""
    import ssl

    from runbooks.collect.edge import CONTROL, Edge
    from runbooks.evidence.redaction import Redactor, secrets_of

    redactor = Redactor()
    for value, kind in secrets_of(settings):
        redactor.add_secret(value, kind)
    edge = Edge(settings.connect_to, ssl.create_default_context(), redactor)
    no_names = edge.resolve(CONTROL).answer is None
    told_names = False
    wanted = [settings.machines_url, settings.platform_url, settings.registries.get(_REGISTRY, f"https://{_REGISTRY}")]
    wanted += [url for url in (settings.status_url, settings.metrics_url) if urlsplit(url).netloc]
    for origin in dict.fromkeys(f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in wanted):
        host = urlsplit(origin).hostname or origin
        told = edge.probe(f"{origin}/")
        if told.answer is not None and told.answer.reached in ("upgrade", "open"):
            yield Finding(host, State.OK, "answers")
        elif no_names and edge.resolve(host).answer is None:
            if not told_names:  # where all hosts answer, as through a proxy, that name is of no use
                told_names = True
                found = f"{CONTROL} does not resolve"
                yield Finding("names of hosts (DNS)", State.PROBLEM, found, f"getent hosts {CONTROL}")
            unreached[host] = "names do not resolve here"
            yield _not_looked_at(host, unreached[host])
        else:
            unreached[host] = f"{host} does not answer"
            mend = f"curl -v {origin}/"
            if host == urlsplit(settings.status_url).hostname:
                mend += "; or go without the status feed: export RUNBOOKS_STATUS_URL=off"
            yield Finding(host, State.PROBLEM, redactor.text(told.reason), mend)


def _not_looked_at(name: str, why: str) -> Finding:
    return Finding(name, State.NOT_LOOKED_AT, f"not looked at, because {why}")


def _answers(settings: Settings, app: str, source: str, unreached: Mapping[str, str]) -> Iterator[Finding]:
    """What a run would ask first, asked."""
    from runbooks.source import collect

    parameters = Parameters.model_validate({"app_name": app, "record_key": _KEY, "source": source})

    def ask(facets: Sequence[Facet]) -> dict[FacetEnum, Observation]:
        asked = collect(parameters, settings, facets=facets).evidence.observations
        return {one.facet: one for one in asked.values()}

    known = ask(_FACETS)
    if any(known[facet].code in _NO_ACCESS for facet in _WITHOUT_TOKEN if facet in known):  # they need no token
        known |= ask(_WITHOUT_TOKEN)
    token = f'export FLY_API_TOKEN="$({how_to_get("")})"'
    api, feed = (urlsplit(url).hostname or "" for url in (settings.machines_url, settings.status_url))
    for facet, name, mend, host in (
        (Facet.TOKEN, "token", token, api),
        (Facet.APP, "app", f"fly apps list; then runbooks doctor --app NAME ({app or 'none was given'})", api),
        (Facet.ORGANISATION, "organisation", "fly orgs list", api),
        (
            Facet.RECORD,
            "database",
            "Compare RUNBOOKS_RECORDS_URL and RUNBOOKS_RECORDS_COLUMNS with docs/database.md",
            "",
        ),
        (Facet.STATUS, "status feed", "export RUNBOOKS_STATUS_URL=off", feed),
    ):
        if facet not in known:
            continue
        asked = known[facet]
        if asked.code is Reason.UNREACHABLE and host in unreached:
            yield _not_looked_at(name, unreached[host])
        elif asked.code in _NO_ACCESS and facet is not Facet.TOKEN:
            yield _not_looked_at(name, _NO_ACCESS[asked.code])
        elif facet is Facet.ORGANISATION and asked.code is Reason.NOT_GIVEN:
            yield _not_looked_at(name, "neither the token nor an app names one")
        elif facet is Facet.APP and not app:
            yield Finding(name, State.NOT_USED, "none was given: --app NAME reads one")
        else:
            yield _answered(name, asked, mend)
    inside = known.get(Facet.TOKEN_INSIDE)
    if inside is not None and isinstance(inside.answer, TokenInside):
        yield _expiry(inside.answer, inside.reason, token)


def _answered(name: str, asked: Observation, mend: str) -> Finding:
    if asked.code in (Reason.NOT_CONFIGURED, Reason.SWITCHED_OFF, Reason.NOT_GIVEN):
        return Finding(name, State.NOT_USED, asked.reason)
    wrong = asked.outcome is Outcome.COULD_NOT_LOOK or (asked.facet is Facet.APP and asked.outcome is Outcome.ABSENT)
    wrong |= isinstance(asked.answer, Token) and not asked.answer.valid
    if asked.facet is Facet.RECORD and not wrong:
        return Finding(name, State.OK, "the table can be read")
    if isinstance(asked.answer, Listing) and not (asked.answer.complete or asked.answer.error_regions):
        found = f"its machines can be read: {asked.answer.count:,} on the first page of their list, and more behind it"
        return Finding(name, State.OK, found)
    return Finding(name, State.PROBLEM if wrong else State.OK, asked.reason, mend if wrong else "")


def _expiry(inside: TokenInside, found: str, mend: str) -> Finding:
    ends = [part.not_after for part in inside.parts if part.not_after]
    soon = bool(ends) and min(ends) < datetime.now(UTC) + _SOON
    return Finding("token's expiry", State.PROBLEM if soon else State.OK, found, mend if soon else "")
