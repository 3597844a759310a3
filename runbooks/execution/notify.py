"""Tell people when something changed: one message for all runs that ended together, and none where nothing changed.

What was told last is in `notify-state.json` beside the reports. A message that could not be delivered is kept there,
and sent with the next one; a failed delivery never fails a run.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import tenacity
from filelock import FileLock

from runbooks.base import folders
from runbooks.base.errors import UsageError
from runbooks.base.files import NotReadable, read_text
from runbooks.base.settings import load_settings
from runbooks.report import escape, status

STATE = "notify-state.json"
MOST_LINES = 12
_MOST_WAITING = 50
"""Messages that are kept for a receiver that does not answer; the oldest go first."""
_MOST_STATE = 50_000_000
_SCHEMA = "fly-runbooks/notify-state/1"
_ATTEMPTS = 3
RECOVERED = "NO LONGER A SUSPECT"
"""Told of a machine that a sweep investigated, and that the fleet does not list any more."""
_LOCK_SECONDS = 60

Deliver = Callable[[str, str, str], bool]
"""Sends a title and a body to one address; whether it was taken."""


@dataclass(frozen=True)
class Outcome:
    """What one run found out about one subject.

    Attributes:
        subject: runbook, app and machine: what is compared from run to run
        status: the status words of its report
        cause: the slug of the cause, or ""
        confidence: `confirmed`, `likely` or ""
        headline: one line
        report: where its report lies: a path or an address
        fleet: the subject of the fleet that listed it among its suspects, or ""
    """

    subject: str
    status: str
    cause: str = ""
    confidence: str = ""
    headline: str = ""
    report: str = ""
    fleet: str = ""

    @property
    def told(self) -> tuple[str, str, str]:
        """What a message is sent for if it differs."""
        return self.status, self.cause, self.confidence


@dataclass(frozen=True)
class Change:
    """A subject whose outcome is another one than last time; `before` is None for a new one."""

    before: Outcome | None
    now: Outcome


def outcome_of(summary: Mapping[str, Any], report: str) -> Outcome:
    """The outcome of a run, from its summary.json and the place of its report."""
    subject, cause = summary["subject"], summary.get("cause") or {}
    named = (subject.get("app") or subject.get("org"), subject.get("machine_id") or subject.get("machine_name"))
    key = " ".join((summary["runbook"], *filter(None, named)))
    words = status.words_of(summary)
    return Outcome(key, words, cause.get("slug", ""), cause.get("confidence", ""), summary["headline"], report)


def changes(
    known: Mapping[str, Outcome], now: Iterable[Outcome], well: Sequence[str] = ("HEALTHY", RECOVERED)
) -> list[Change]:
    """What is worth a message: another status, cause or confidence than last time, and a new subject that is not well.

    Args:
        known: the outcomes that were told last, by subject
        now: the outcomes of the runs that ended
        well: statuses of a subject that needs nobody
    """
    found = [Change(known.get(outcome.subject), outcome) for outcome in now]
    return [
        change
        for change in found
        if (change.before.told != change.now.told if change.before else change.now.status not in well)
    ]


def message(found: Sequence[Change], more: str = "") -> tuple[str, str]:
    """Title and body for these changes: at most twelve lines, the rest counted; `more` is where all of it is listed."""
    count = "1 change" if len(found) == 1 else f"{len(found)} changes"
    room = MOST_LINES - (1 if more else 0)
    per_change = 2 if len(found) * 2 <= room else 1
    shown = found if len(found) * per_change <= room else found[: room - 1]
    lines: list[str] = []
    for change in shown:
        lines.append(_line(change))
        if per_change == 2 and change.now.report:
            lines.append(f"  {escape.line(change.now.report, 200)}")
    if len(shown) < len(found):
        lines.append(f"… and {len(found) - len(shown)} more")
    return f"fly-runbooks: {count}", "\n".join((*lines, *((f"All runs: {more}",) if more else ())))


def _line(change: Change) -> str:
    now = change.now
    before = "new" if change.before is None else change.before.status
    cause = f" {now.cause} ({now.confidence})" if now.cause else ""
    headline = f". {now.headline}" if now.headline else ""
    return escape.line(f"{now.subject}: {before} → {now.status}{cause}{headline}", 240)


def recovered(known: Mapping[str, Outcome], fleet: Outcome, suspects: Collection[str]) -> Iterator[Outcome]:
    """The subjects that this fleet listed when they were told last, and does not list now.

    Args:
        known: the outcomes that were told last, by subject
        fleet: the outcome of a fleet that was read whole
        suspects: the subjects of all its suspects
    """
    for subject, outcome in known.items():
        if outcome.fleet == fleet.subject and outcome.status not in ("HEALTHY", RECOVERED) and subject not in suspects:
            yield Outcome(subject, RECOVERED, report=fleet.report, fleet=fleet.subject)


def tell(
    outcomes: Sequence[Outcome],
    root: Path,
    addresses: Sequence[str],
    deliver: Deliver,
    more: str = "",
    suspects: Collection[str] | None = None,
) -> list[str]:
    """Compare with what was told last, send what changed, and remember both.

    Args:
        outcomes: of the runs that ended together
        root: the output root; the state lies there, locked while it is used
        addresses: whom to tell, each an address of Apprise
        deliver: sends one message to one address
        more: where all runs are listed
        suspects: the subjects of all suspects of a fleet that was read whole; its outcome is the first one then

    Returns:
        one sentence for each delivery that failed, without its address, which holds a secret
    """
    path = root / STATE
    with FileLock(path.with_name(f".{STATE}.lock"), timeout=_LOCK_SECONDS, mode=0o600):
        known, waiting = _read(path)
        if suspects is not None:
            outcomes = [*outcomes, *recovered(known, outcomes[0], suspects)]
        found = changes(known, outcomes)
        known |= {outcome.subject: outcome for outcome in outcomes}
        if found:
            title, body = message(found, more)
            waiting += [{"to": _id(address), "title": title, "body": body} for address in addresses]
        # Kept before it is sent: who is killed in between sends it twice rather than never.
        _write(path, known, waiting)
        failed, kept = set(), []
        for one in waiting:
            address = next((address for address in addresses if _id(address) == one["to"]), None)
            if address is None:
                continue  # nobody is told there any more
            if address in failed or not deliver(address, one["title"], one["body"]):
                failed.add(address)
                kept.append(one)
        _write(path, known, kept[-_MOST_WAITING:])
    return [
        f"The notification by {service(address)} could not be delivered; it is kept and sent with the next one."
        for address in addresses
        if address in failed
    ]


def place_of(path: Path, root: Path) -> str:
    """Where people find a file of the output root: below `RUNBOOKS_REPORTS_URL`, else on this machine."""
    base = load_settings().reports_url.rstrip("/")
    return f"{base}/{quote(path.relative_to(root).as_posix())}" if base else str(path)


def service(address: str) -> str:
    """The service that an address belongs to, and nothing of its secret."""
    scheme = address.partition("://")[0]
    return scheme if scheme.isalnum() else "an address"


def addresses_of(setting: str) -> list[str]:
    """The addresses in `RUNBOOKS_NOTIFY`: separated by blanks, or one a line in a file that it names.

    Raises:
        UsageError: it is neither, or Apprise does not know one of the addresses
    """
    import apprise

    text = setting.strip()
    if text and "://" not in text:
        try:
            text = read_text(Path(text).expanduser(), 100_000)
        except (OSError, NotReadable):
            raise UsageError(
                "RUNBOOKS_NOTIFY holds neither an address nor the name of a file that can be read.",
                "Write addresses of Apprise separated by blanks, such as slack://TOKEN-A/TOKEN-B/TOKEN-C/CHANNEL.",
            ) from None
    found = [word for line in text.splitlines() if not line.lstrip().startswith("#") for word in line.split()]
    for number, address in enumerate(found, start=1):
        if apprise.Apprise.instantiate(address, suppress_exceptions=True) is None:
            raise UsageError(
                f"Address {number} in RUNBOOKS_NOTIFY ({service(address)}) is none that Apprise knows.",
                "Its documentation lists the form of each service's address.",
            )
    return found


@tenacity.retry(
    stop=tenacity.stop_after_attempt(_ATTEMPTS),
    wait=tenacity.wait_exponential(multiplier=0.5, max=4),
    retry=tenacity.retry_if_result(lambda taken: not taken),
    retry_error_callback=lambda state: False,
)
def deliver(address: str, title: str, body: str) -> bool:
    """Send one message with Apprise, at most three times; whether the service took it."""
    import apprise

    logging.getLogger("apprise").addHandler(logging.NullHandler())  # its messages show addresses
    channel = apprise.Apprise()
    channel.add(address)
    return bool(channel.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT))


def _id(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def _read(path: Path) -> tuple[dict[str, Outcome], list[dict[str, str]]]:
    """What was told last and what waits; of a file that cannot be read, nothing."""
    try:
        told = json.loads(read_text(path, _MOST_STATE))
        known = {name: Outcome(subject=name, **one) for name, one in told["subjects"].items()}
        waiting = [{key: str(one[key]) for key in ("to", "title", "body")} for one in told["waiting"]]
    except (OSError, NotReadable, ValueError, KeyError, TypeError, AttributeError):
        return {}, []
    return known, waiting


def _write(path: Path, known: Mapping[str, Outcome], waiting: Sequence[Mapping[str, str]]) -> None:
    subjects = {name: {k: v for k, v in asdict(one).items() if k != "subject"} for name, one in sorted(known.items())}
    text = json.dumps({"schema": _SCHEMA, "subjects": subjects, "waiting": list(waiting)}, indent=1, ensure_ascii=False)
    folders.write_whole(path, f"{text}\n")
