"""What is over: a log line describes a moment, and later evidence can end it (§14.11).

One mechanism for all causes. `LogFacts.matches` and `where` give what still holds; `LogFacts.ended` gives what held
and ended, with what ended it. A reading that comes back again and again within one life of the program is
intermittent: it still holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runbooks.diagnose.log_classifier import LogMatch

# fact → the facts that end it.
ENDED_BY: Mapping[str, tuple[str, ...]] = {
    "refused": ("reachable", "health-passed", "listens", "still-starting"),
    "awaited": ("reachable", "health-passed", "listens", "still-starting"),
    "not-expected-address": ("reachable", "health-passed", "listens"),
    "no-candidate": ("reachable", "health-passed", "listens", "still-starting"),
    "proxy-wake-failed": ("reachable", "health-passed", "created-and-started", "started", "listens", "still-starting"),
    "worker-unreachable": ("reachable",),
    "health-failed": ("health-passed", "reachable"),
    "certificate-waits": ("certificate-issued",),
    "certificate-pending": ("certificate-issued",),
}
# A new life of the program: what was said of the one before is not said of this one.
_BOOTS = ("booting", "created-and-started")
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
# What the proxy says of the machine as a whole: it names no port, and the next visit says it again if it still holds.
_OF_NO_PORT = frozenset({"no-candidate", "proxy-wake-failed"})
_COMES_BACK = frozenset({"health-failed"})


@dataclass(frozen=True, slots=True)
class Ended:
    """A reading that is over.

    Attributes:
        reading: what held
        evidence: where it stands
        by: the line that ended it; None, if another observation did
        by_evidence: where that stands
    """

    reading: LogMatch
    evidence: str
    by: LogMatch | None
    by_evidence: str


def ended(readings: Sequence[tuple[LogMatch, str]], well: Mapping[str, str]) -> Mapping[int, Ended]:
    """Index → what ended it, for every reading that is over.

    Args:
        readings: (reading, evidence), in the order of the log
        well: fact → evidence of an observation made after the log, which shows that the fact no longer holds
    """
    over: dict[int, Ended] = {}
    if all(reading.fact not in ENDED_BY for reading, _ in readings):
        return over
    order = _order(readings)
    for place, index in enumerate(order):
        reading, evidence = readings[index]
        if reading.fact not in ENDED_BY:
            continue
        later = [readings[other] for other in order[place + 1 :]]
        port = reading.number
        if reading.fact == "not-expected-address" and later and later[0][0].fact == "expected-socket":
            port = later[0][0].number
        end = next((pair for pair in later if _ends(pair[0], reading, port)), None)
        if end:
            over[index] = Ended(reading, evidence, end[0], end[1])
        elif reading.fact in well:
            over[index] = Ended(reading, evidence, None, well[reading.fact])
    for fact in _COMES_BACK if over else ():
        if _episodes(readings, order, fact) > 1:
            over = {index: end for index, end in over.items() if end.reading.fact != fact}
    return over


def _order(readings: Sequence[tuple[LogMatch, str]]) -> list[int]:
    """By time; a line without one keeps its place behind the line before it."""
    last, keys = None, []
    for reading, _ in readings:
        last = reading.line.at or last
        keys.append(last.timestamp() if last else 0.0)
    return sorted(range(len(readings)), key=lambda index: keys[index])


def _ends(later: LogMatch, reading: LogMatch, port: int | None) -> bool:
    if later.fact not in ENDED_BY[reading.fact]:
        return False
    if later.fact == "listens":
        # Only the port that was refused, on an address that others can reach.
        same = port in (later.number, None) if reading.fact in _OF_NO_PORT else later.number == port
        same = same and later.number is not None
        return same and not any(name in later.thing for name in _LOOPBACK)
    if later.fact == "health-passed" and reading.fact == "health-failed" and later.thing and reading.thing:
        return later.thing == reading.thing
    return True


def _episodes(readings: Sequence[tuple[LogMatch, str]], order: Sequence[int], fact: str) -> int:
    """How often the fact began anew within one life of the program: the most of any life."""
    most, count, going = 0, 0, False
    for index in order:
        reading = readings[index][0]
        if reading.fact in _BOOTS:
            count, going = 0, False
        elif reading.fact == fact:
            count, going = count + (not going), True
            most = max(most, count)
        elif going and reading.fact in ENDED_BY[fact]:
            going = False
    return most
