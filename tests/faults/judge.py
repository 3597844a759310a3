"""What must hold for every case, whatever the world answered, and for the question that was spoilt."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from runbooks.evidence.models import Event, Image, Listing, Observation, Outcome, Probe
from runbooks.execution.ending import exit_code_of
from runbooks.report import summary as contract

from .cells import Cell
from .play import DEADLINE, Played

PUBLISHING = 15.0  # what drawing and writing may add on a busy machine


def judge(cell: Cell, normal: Played, played: Played) -> tuple[str, list[str]]:
    problems = [*_always(normal, played)]
    signs = set()
    for number in cell.row.numbers:
        sign = _sign(cell, normal.observations.get(number), played.observations.get(number))
        if sign == "!":
            observation = played.observations.get(number)
            outcome, reason = (observation.outcome.value, observation.reason) if observation else ("missing", "")
            problems.append(f"{number} is {outcome}: {reason}"[:400])
        signs.add(sign)
    for number, observation in played.observations.items():
        problems += [
            f"{number} changed although only {cell.row.label} was spoilt: "
            f"{f'{observation.outcome.value}: {observation.reason}'[:340]}"
            for before in [normal.observations.get(number)]
            if number not in cell.row.numbers and not _unmoved(cell, before, observation)
        ]
    sign = "!" if problems else next(s for s in "?cne~=·" if s in signs)
    return sign, problems


def _always(normal: Played, played: Played) -> Iterator[str]:
    """What holds for every run, whatever the world answers."""
    if played.seconds > DEADLINE + PUBLISHING:
        yield f"it took {played.seconds:.0f} s"
    contract.check(played.summary)
    found = played.summary
    code = exit_code_of(found)
    expected = {"healthy": (0,), "incident": (3, 4), "inconclusive": (3, 4)}
    if code not in expected[found["verdict"]]:
        yield f"exit code {code} with the verdict {found['verdict']}"
    if found["verdict"] == "healthy" and normal.summary["verdict"] != "healthy":
        yield "an incident is called healthy"
    # An endpoint that answers 4xx on both ways has turned the client away: there the fault is the truth.
    probes = [
        observation.answer
        for n in ("E17", "E18")
        if (observation := played.observations.get(n)) and isinstance(observation.answer, Probe)
    ]
    rejected = played.certain == "websocket-rejected" and all(400 <= (p.status or 0) < 500 for p in probes)
    if played.certain not in ("", normal.certain) and not rejected:
        yield f"{played.certain} is confirmed, without the fault it is {normal.certain or 'nothing'}"
    false = (played.slugs("confirmed") & normal.slugs("refuted")) or set()
    if false:
        yield f"confirmed, although refuted without the fault: {', '.join(sorted(false))}"
    if played.faults:
        yield f"a cause broke: {played.faults}"
    missing = {"report.html", "report.md", "summary.json", "evidence/index.json", "evidence/http.har"} - set(
        played.files
    )
    if missing:
        yield f"not written: {', '.join(sorted(missing))}"
    everything = "\n".join(played.files.values()) + played.screen
    for words in ("Traceback (most recent call", "the runbook itself failed", "This step failed"):
        if words in everything:
            at = everything.index(words)
            yield f"{words!r} in the report: {everything[max(0, at - 100) : at + 300]}"
    for secret in ("pw-not-shown", "fm2_"):
        if secret in everything:
            yield f"a secret in the report: {secret}"
    unavailable = [
        observation for observation in played.observations.values() if observation.outcome is Outcome.COULD_NOT_LOOK
    ]
    told = json.dumps(found["not_checked"])
    unsaid = [
        observation.number
        for observation in unavailable
        if not observation.reason or f"({observation.number})" not in told
    ]
    if unsaid:
        yield f"could not be looked at, and it is not said: {', '.join(unsaid)}"


_NOES = {
    "401": {"token"},
    "404-json": {"app", "machine", "events", "logs"},
}


def _sign(cell: Cell, before: Observation | None, after: Observation | None) -> str:
    """How the spoilt question ended. A missing look is one that this scenario does not ask."""
    if after is None:
        return "·"
    kind = cell.kind.partition(" ")[0]
    if before is not None and _equal(before, after):
        return "="
    if after.outcome is Outcome.COULD_NOT_LOOK:
        return "!" if cell.kind.endswith("once") else "?"
    if cell.kind.endswith("once"):
        return "!"
    facet = after.facet.slug
    if facet in _NOES.get(kind, ()):
        return "n"
    if kind.startswith("clock") and before is not None and after.outcome is before.outcome:
        return "c"
    if facet.startswith(("edge", "dns")):
        return "e"
    if before is not None and _part_of(before, after):
        return "~"
    return "!"


def _equal(before: Observation, after: Observation) -> bool:
    return before.outcome is after.outcome and _plain(before.answer) == _plain(after.answer)


def _plain(answer: object) -> str:
    """Without the numbers of placeholders: half of a token is another secret, and shifts those that follow."""
    return re.sub(r"#\d+>", "#>", repr(answer))


def _part_of(before: Observation, after: Observation) -> bool:
    """Less is known than before, nothing else: an image without its config, a list that says it is not whole."""
    old, new = before.answer, after.answer
    if before.outcome is not after.outcome:
        return False
    if isinstance(old, Listing) and isinstance(new, Listing):
        return not new.complete and {m.id for m in new.machines} <= {m.id for m in old.machines}
    if isinstance(new, tuple) and all(isinstance(event, Event) for event in new):
        return all(event.type == "unreadable" for event in new)
    if isinstance(old, Image) and isinstance(new, Image):
        names = [name for name in Image.__slots__ if getattr(new, name) != getattr(old, name)]
        return not any(getattr(new, name) for name in names)
    return False


_WAY_IN = ("E12", "E13", "E17", "E18")


def _unmoved(cell: Cell, before: Observation | None, after: Observation) -> bool:
    """Another question: it is answered as before, or it could not be asked."""
    if after.outcome is Outcome.COULD_NOT_LOOK or before is None or _equal(before, after):
        return True
    if isinstance(before.answer, Image) and isinstance(after.answer, Image):
        # Without one view, the same image may be known by its tag instead of its digest.
        return (before.answer.exists, before.answer.digest) == (after.answer.exists, after.answer.digest)
    if after.number in _WAY_IN and cell.row.number in _WAY_IN:
        return True  # one way in, seen from several sides: the same name, or another machine behind it
    return cell.kind.startswith("clock") and before.outcome is after.outcome
