"""What people paste, as typed records: one reader for each form of text, each a pure function.

    wrappers        takes off what stands around the lines: CI jobs, containers, log exports
    readers         the register of readers; flyctl_tables, flyctl_json hold them
    grid            tables as terminals print them
    identity        whom and when the text is about
    clock           times without a date or a zone

A text that no reader knows stays free text; its log lines and the platform's refusals are read by `log_parser` and
`caller_errors`. Each reader is linear in the length of the text, and bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from runbooks.evidence.log_parser import log_lines, tells_failure
from runbooks.evidence.models import LogLine, Machine, Pasted, PastedMachine
from runbooks.evidence.parsers import machine_of
from runbooks.evidence.pasted.flyctl_json import machine_json
from runbooks.evidence.pasted.grid import lines_of
from runbooks.evidence.pasted.identity import identity_of
from runbooks.evidence.pasted.readers import Body, Found, PastedText, findings
from runbooks.evidence.pasted.wrappers import uncoloured, unwrapped, without_stamps

__all__ = ["machine_bodies", "read_pasted", "uncoloured", "unwrapped"]

_MAX_MACHINES = 200
_WELL = ("started", "created", "")


def read_pasted(text: str) -> Pasted:
    """Everything typed that a pasted text holds.

    Args:
        text: the text as it was pasted, already redacted

    Returns:
        its machines, the forms that were recognised, whom it is about, and the text that is left for other readers
    """
    own = unwrapped(text)
    plain = without_stamps(own)
    found = list(findings(PastedText(plain, lines_of(plain))))[: 10 * _MAX_MACHINES]
    machines = _machines(found)
    identity = identity_of(own, (f.app for _, f in found), (m.machine.name for m in machines))
    app = next(iter((*identity.apps, *_deployed(identity.apps, identity.repositories, own))), "")
    lines = log_lines(own)
    machine_id = _subject(machines, identity.machine_ids) or _failing(identity.machine_ids, lines)
    return Pasted(
        forms=tuple(dict.fromkeys(form for form, _ in found)),
        machines=machines,
        identity=identity,
        app=app,
        machine_id=machine_id,
        machine_name=next((m.machine.name for m in machines if m.machine.id == machine_id), ""),
        plain=own,
        words=_without(own, [f.span for _, f in found]),
        lines=lines,
        findings=dict(f.tells for _, f in found if f.tells),
    )


def machine_bodies(text: str) -> Iterator[Body]:
    """The JSON of every machine in a text, for masking: what is secret in an answer is secret in a pasted one."""
    plain = without_stamps(unwrapped(text))
    for found in machine_json(PastedText(plain, [])):
        if found.machine is not None:
            yield found.machine


def _machines(found: Iterable[tuple[str, Found]]) -> tuple[PastedMachine, ...]:
    """Each description once; several forms of one machine stay apart, in the order of the text."""
    machines: dict[tuple[str, str], PastedMachine] = {}
    for form, one in found:
        if one.machine is None:
            continue
        machine = machine_of(one.machine)
        read = PastedMachine(machine, form, one.app or machine.app_name, one.whole, _told_at(machine))
        kept = machines.get((form, machine.id))
        if kept is None or (read.at and kept.at and read.at > kept.at):
            machines[(form, machine.id)] = read
    return tuple(machines.values())[:_MAX_MACHINES]


def _told_at(machine: Machine) -> datetime | None:
    times = [machine.updated_at, machine.created_at, *(event.at for event in machine.events)]
    return max((at for at in times if at), default=None)


def _subject(machines: tuple[PastedMachine, ...], named: tuple[str, ...]) -> str:
    """The machine that the text is about: the only one, or the only one of a table that is not well."""
    if len(named) == 1:
        return named[0]
    ids = dict.fromkeys(m.machine.id for m in machines)
    if len(ids) == 1:
        return next(iter(ids))
    unwell = dict.fromkeys(m.machine.id for m in machines if m.machine.state not in _WELL or m.fails)
    return next(iter(unwell)) if len(unwell) == 1 else ""


def _failing(named: tuple[str, ...], lines: tuple[LogLine, ...]) -> str:
    """The only machine whose program failed, where the text names no other than those that the log is of."""
    failed: set[str] = set()
    asked: set[str] = set()
    for line in lines:
        if line.message.lstrip().removeprefix("INFO ").lstrip().startswith("Sending signal SIG"):
            asked.add(line.instance)
        elif line.instance not in asked and tells_failure(line.message):
            failed.add(line.instance)
    told = {line.instance for line in lines}
    return next(iter(failed)) if len(failed) == 1 and failed <= set(named) <= told else ""


def _deployed(apps: tuple[str, ...], repositories: tuple[str, ...], text: str) -> tuple[str, ...]:
    """The app by its image, where nothing else names it: `fly deploy` pushes to the repository of that name."""
    return () if apps else tuple(name for name in repositories if f"{name}:deployment-" in text)


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text without the lines of tables and documents: a check's output is no answer of the API."""
    cut = {number for start, end in spans for number in range(start, min(end, start + 20_000))}
    return "\n".join(line for number, line in enumerate(text.splitlines()) if number not in cut) if cut else text
