"""Tell people when something changed: one message for all runs that ended together, and none where nothing changed.

What was told last is in `notify-state.json` beside the reports. A message that could not be delivered is kept there,
and sent with the next one; a failed delivery never fails a run.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import tenacity
from filelock import FileLock

from runbooks.base import folders
from runbooks.base.files import NotReadable, read_text
from runbooks.base.settings import load_settings
from runbooks.execution.addresses import label, receiver
from runbooks.report import escape, status

STATE = "notify-state.json"
MOST_LINES = 12
_MOST_WAITING = 50
"""Messages that are kept for a receiver that does not answer; the oldest go first."""
_MOST_KNOWN = 20_000
"""Subjects that are remembered; of more than that, those that need nobody are forgotten."""
_MOST_STATE = 50_000_000
_SCHEMA = "fly-runbooks/notify-state/1"
_ATTEMPTS = 3
RECOVERED = "NO LONGER A SUSPECT"
"""Told of a machine that a sweep investigated, and that the fleet does not list any more."""
_LOCK_SECONDS = 60

_WELL = ("HEALTHY", RECOVERED)

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


def changes(known: Mapping[str, Outcome], now: Iterable[Outcome], well: Sequence[str] = _WELL) -> list[Change]:
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
        if outcome.fleet == fleet.subject and outcome.status not in _WELL and subject not in suspects:
            yield Outcome(subject, RECOVERED, report=fleet.report, fleet=fleet.subject)


@dataclass
class State:
    """What is remembered from message to message.

    Attributes:
        known: the outcome of each subject that was told last
        addresses: ids of the addresses that were told last, in the order of RUNBOOKS_NOTIFY
        waiting: messages that were not taken, each with the id of its address
        unreadable: whether there was a file that could not be read
    """

    known: dict[str, Outcome] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)
    waiting: list[dict[str, str]] = field(default_factory=list)
    unreadable: bool = False


@dataclass(frozen=True)
class Told:
    """What came of telling people.

    Attributes:
        said: one sentence for people: what was sent, or why nothing was
        warnings: one sentence for each delivery that failed and each message that nobody gets, without an address
    """

    said: str
    warnings: tuple[str, ...] = ()


def tell(
    outcomes: Sequence[Outcome],
    root: Path,
    addresses: Sequence[str],
    deliver: Deliver,
    more: str = "",
    suspects: Collection[str] | None = None,
) -> Told:
    """Compare with what was told last, send what changed, and remember both.

    Args:
        outcomes: of the runs that ended together
        root: the output root; the state lies there, locked while it is used
        addresses: whom to tell, each an address of Apprise
        deliver: sends one message to one address
        more: where all runs are listed
        suspects: the subjects of all suspects of a fleet that was read whole; its outcome is the first one then
    """
    path, by_id = root / STATE, {_id(address): address for address in addresses}
    with FileLock(path.with_name(f".{STATE}.lock"), timeout=_LOCK_SECONDS, mode=0o600):
        state = _read(path)
        if suspects is not None:
            outcomes = [*outcomes, *recovered(state.known, outcomes[0], suspects)]
        found = changes(state.known, outcomes)
        state.known = _remembered(state.known | {outcome.subject: outcome for outcome in outcomes})
        lost = _follow(state, list(by_id))
        before = len(state.waiting)
        if found:
            title, body = message(found, more)
            state.waiting += [{"to": one, "title": title, "body": body} for one in by_id]
        # Kept before it is sent: who is killed in between sends it twice rather than never.
        _write(path, state)
        sent, failed, kept = set[str](), set[str](), []
        for number, one in enumerate(state.waiting):
            address = by_id[one["to"]]
            if address not in failed and deliver(address, one["title"], one["body"]):
                if number >= before or not found:  # of several messages, the new one is told
                    sent.add(address)
            else:
                failed.add(address)
                kept.append(one)
        state.waiting = kept[-_MOST_WAITING:]
        _write(path, state)
    too_many = len(kept) - len(state.waiting)
    warnings = [
        f"The notification by {label(address)} could not be delivered; it is kept and sent with the next one."
        for address in by_id.values()
        if address in failed
    ]
    if lost:
        warnings.append(
            _dropped(lost, f"RUNBOOKS_NOTIFY does not name {'its' if lost == 1 else 'their'} address any more")
        )
    if too_many:
        warnings.append(_dropped(too_many, f"at most {_MOST_WAITING} are kept, and the newer ones are"))
    if state.unreadable:
        warnings.append(f"{path} could not be read and was written anew: what was told before is told again as new.")
    return Told(_said(found, [label(address) for address in by_id.values() if address in sent]), tuple(warnings))


def _dropped(number: int, why: str) -> str:
    return f"{f'{number} kept notifications were' if number > 1 else 'A kept notification was'} dropped: {why}."


def _remembered(known: dict[str, Outcome]) -> dict[str, Outcome]:
    """The same without those that need nobody, if they are too many: one that falls ill again is told as new."""
    return known if len(known) <= _MOST_KNOWN else {name: one for name, one in known.items() if one.status not in _WELL}


def _said(found: Sequence[Change], services: Sequence[str]) -> str:
    count = "1 change" if len(found) == 1 else f"{len(found)} changes"
    if not found:
        kept = f" What was kept from before was sent: {', '.join(services)}." if services else ""
        return f"No message was needed: nothing changed since the last one.{kept}"
    return (
        f"A message about {count} was sent: {', '.join(services)}." if services else f"No message was taken: {count}."
    )


def _follow(state: State, ids: list[str]) -> int:
    """Give what waits to the addresses of now; how many messages have none any more.

    A corrected address has another id. So the addresses of a receiver that went are taken for those of the same
    receiver that came, in their order; nobody else is sent what was meant for them.
    """
    whole = {_address(one): one for one in ids}  # an older version wrote no receiver
    before = [whole.get(_address(one), one) for one in state.addresses]
    waiting = [one | {"to": whole.get(_address(one["to"]), one["to"])} for one in state.waiting]
    waits, now = {one["to"] for one in waiting}, {one: one for one in ids}
    for kind in dict.fromkeys(map(_receiver, ids)):
        came = [one for one in ids if one not in before and _receiver(one) == kind]
        gone = dict.fromkeys((*before, *sorted(waits)))
        went = [one for one in gone if one not in ids and _receiver(one) == kind]
        if len(went) != len(came):  # one was removed or added as well: only those with a message have to be found again
            went = [one for one in went if one in waits]
        now |= dict(zip(went, came, strict=False))
    kept = [one | {"to": now[one["to"]]} for one in waiting if one["to"] in now]
    lost = len(state.waiting) - len(kept)
    state.addresses, state.waiting = ids, kept
    return lost


def place_of(path: Path, root: Path) -> str:
    """Where people find a file of the output root: below `RUNBOOKS_REPORTS_URL`, else on this machine."""
    base = load_settings().reports_url.rstrip("/")
    return f"{base}/{quote(path.relative_to(root).as_posix())}" if base else str(path)


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
    """Hashes of the receiver and of the whole address."""
    return ".".join(hashlib.sha256(one.encode()).hexdigest()[:16] for one in (receiver(address), address))


def _receiver(one: str) -> str:
    return one.rpartition(".")[0]


def _address(one: str) -> str:
    return one.rpartition(".")[2]


def _read(path: Path) -> State:
    """What was told last and what waits; of a file that cannot be read, nothing."""
    if not path.exists():
        return State()
    try:
        told = json.loads(read_text(path, _MOST_STATE))
        known = {name: Outcome(subject=name, **one) for name, one in told["subjects"].items()}
        waiting = [{key: str(one[key]) for key in ("to", "title", "body")} for one in told["waiting"]]
        return State(known, [str(one) for one in told.get("addresses", ())], waiting)
    except (OSError, NotReadable, ValueError, KeyError, TypeError, AttributeError):
        return State(unreadable=True)


def _write(path: Path, state: State) -> None:
    known = sorted(state.known.items())
    told = {
        "schema": _SCHEMA,
        "subjects": {name: {k: v for k, v in asdict(one).items() if k != "subject"} for name, one in known},
        "addresses": state.addresses,
        "waiting": state.waiting,
    }
    folders.write_whole(path, f"{json.dumps(told, indent=1, ensure_ascii=False)}\n")
