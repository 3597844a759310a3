"""What a pasted text is known to tell, and the check that it is told: no id and no app are given with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runbooks.base.parameters import caller_text
from runbooks.case import open_case
from runbooks.evidence.caller import read_caller


@dataclass(frozen=True)
class WantedOf:
    """What a text gives.

    Attributes:
        app: the app that it is about
        machine_id: the machine that it is about
        state: the last state that it shows of the machine
        causes: those that may be likely or confirmed
        leads: whether the report names one of them as the root cause
        refusal: the status that the caller was answered, and a part of the text
        lines: parts of lines of the machine's log, in their order; none, if it has no log
        exit_code: the code with which its program crashed
    """

    app: str = ""
    machine_id: str = ""
    state: str = ""
    causes: tuple[str, ...] = ()
    leads: bool = True
    refusal: tuple[int | None, str] = (None, "")
    lines: tuple[str, ...] = ()
    exit_code: int | None = None


def told_as_wanted(path: Path, wanted: WantedOf) -> None:
    """Paste the file's text, and compare what is told of it with what is wanted."""
    case = open_case(caller_log=str(path))
    subject, caller = case.evidence.subject, read_caller(caller_text(str(path)))
    assert (subject.app or "", subject.machine_id or "") == (wanted.app, wanted.machine_id)
    assert case._facts.events.state == wanted.state
    held = {h.slug for h in case.diagnosis.hypotheses if h.status.value in ("confirmed", "likely")}
    assert held <= set(wanted.causes)
    if wanted.causes and wanted.leads:
        assert case.diagnosis.cause is not None
        assert case.diagnosis.cause.slug in wanted.causes
    status, text = wanted.refusal
    assert caller.error_status == status
    assert text in caller.error_text if text else not caller.error_text
    told = [line.message for line in caller.pasted.lines]
    places = [next((n for n, one in enumerate(told) if part in one), -1) for part in wanted.lines]
    assert -1 not in places
    assert places == sorted(places)
    assert bool(told) == bool(wanted.lines)
    if wanted.exit_code is not None:
        assert [code for code, _ in case._facts.events.crash_codes][-1:] == [wanted.exit_code]
