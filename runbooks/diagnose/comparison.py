"""The machine compared with other machines of the app: which attributes differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runbooks.diagnose.facts import Facts
from runbooks.diagnose.facts.lifecycle import code_of
from runbooks.diagnose.facts.siblings import release_of
from runbooks.diagnose.model import Comparison, Difference
from runbooks.evidence.models import Event, Machine

UNKNOWN = "not known"
LAST_EXIT, EXITED_AT = "last exit", "exited at"


def compare(facts: Facts) -> Comparison | None:
    """The subject and at most five siblings, attribute by attribute; None when there is no machine to compare with."""
    own, others = facts.machine.description, facts.siblings.control_group
    if own is None or not others:
        return None
    machines = [own, *(machine for machine, _ in others)]
    rows = tuple(_rows(machines))
    evidence = tuple(dict.fromkeys((*facts.machine.seen_evidence[:1], *(seen for _, seen in others))))
    return Comparison(
        machines=tuple(f"{m.id} {m.name}".strip() for m in machines),
        rows=rows,
        evidence=evidence,
        differs=tuple(row.attribute for row in rows if _stands_out(row)),
    )


def _rows(machines: list[Machine]) -> Iterator[Difference]:
    for attribute, read in _ATTRIBUTES:
        values = tuple(read(machine) or UNKNOWN for machine in machines)
        if any(value != UNKNOWN for value in values):
            yield Difference(attribute, values)


def _stands_out(row: Difference) -> bool:
    """Is the subject's value known, and unlike that of every sibling whose value is known? Times always are."""
    own, known = row.values[0], [value for value in row.values[1:] if value != UNKNOWN]
    return row.attribute != EXITED_AT and own != UNKNOWN and bool(known) and own not in known


def _digest(machine: Machine) -> str:
    return machine.image_ref.digest[:19] if machine.image_ref and machine.image_ref.digest else ""


def _last_exit(machine: Machine) -> str:
    """How its program last ended, by the events that its view holds."""
    ended = _last_end(machine)
    if ended is None or ended.exit is None:
        return ""
    code = code_of(ended.exit)
    told = "code not known" if code is None else f"code {code}"
    why = f"{', out of memory' if ended.exit.oom_killed else ''}{', on request' if ended.exit.requested_stop else ''}"
    return f"{told}{why}"


def _exited_at(machine: Machine) -> str:
    ended = _last_end(machine)
    return f"{ended.at:%Y-%m-%d %H:%M}" if ended and ended.at else ""


def _last_end(machine: Machine) -> Event | None:
    return max((event for event in machine.events if event.exit), key=lambda event: str(event.at or ""), default=None)


def _guest(machine: Machine) -> str:
    guest = (machine.config or {}).get("guest")
    if not hasattr(guest, "get"):
        return "default (256 MB)" if machine.config else ""
    told: Any = guest
    return f"{told.get('cpus', '?')}x {told.get('cpu_kind', '?')}, {told.get('memory_mb', '?')} MB"


def _setting(key: str) -> Any:
    def read(machine: Machine) -> str:
        value = (machine.config or {}).get(key)
        if isinstance(value, dict):
            return ", ".join(f"{k} {v}" for k, v in sorted(value.items()))
        return "" if machine.config is None else str(value if value is not None else "not set").lower()

    return read


def _variables(machine: Machine) -> str:
    return ", ".join(sorted(machine.env)) or ("none" if machine.config else "")


def _services(machine: Machine) -> str:
    services = (machine.config or {}).get("services")
    count = len(services) if isinstance(services, list | tuple) else 0
    return "" if machine.config is None else str(count)


_ATTRIBUTES: tuple[tuple[str, Any], ...] = (
    ("state", lambda m: m.state),
    (LAST_EXIT, _last_exit),
    (EXITED_AT, _exited_at),
    ("region", lambda m: m.region),
    ("created", lambda m: f"{m.created_at:%Y-%m-%d %H:%M}" if m.created_at else ""),
    ("image", lambda m: m.image or (str(m.image_ref) if m.image_ref else "")),
    ("digest", _digest),
    ("release", lambda m: str(release_of(m) or "")),
    ("guest", _guest),
    ("restart", _setting("restart")),
    ("auto_destroy", _setting("auto_destroy")),
    ("services", _services),
    ("environment", _variables),
    ("host", lambda m: m.host_status),
    ("cordoned", lambda m: "yes" if m.cordoned else "no"),
)
