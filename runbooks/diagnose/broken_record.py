"""The platform's own record of a machine, where it is broken: values that no machine can have (§1.4, §14.7)."""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.base.facets import Facet
from runbooks.diagnose.facts import GONE, Facts, MachineView
from runbooks.diagnose.facts.machine import is_time
from runbooks.diagnose.model import Claim

_DESCRIBES = (Facet.MACHINE, Facet.MACHINE_AGAIN)


def broken_record(facts: Facts) -> Claim | None:
    """What is wrong with the record of a machine whose host answers; None where nothing is.

    A key that is left out says nothing: lists leave out much, and so do people who paste. Only the answer about
    the machine itself always has a config.
    """
    wrong = _signs(facts)
    if not wrong:
        return None
    told = "; ".join(sorted(wrong))
    return Claim(f"The platform's record of the machine is broken: {told}.", facts.made(*sorted(set(wrong.values()))))


def empty_shell(facts: Facts) -> Claim | None:
    """The same, where several values are broken: the platform keeps an entry, and has lost the machine behind it."""
    return broken_record(facts) if len(_signs(facts)) > 1 else None


def _signs(facts: Facts) -> dict[str, str]:
    """Each thing that is wrong, with the observation that shows it."""
    views = [view for view in facts.machine.views if not view.pasted and view.machine.host_status in ("", "ok")]
    return {text: view.evidence for view in reversed(views) for text in _wrong(view)}


def _wrong(view: MachineView) -> Iterator[str]:
    machine = view.machine
    for name, at in (("created_at", machine.created_at), ("updated_at", machine.updated_at)):
        if at and not is_time(at):
            yield f"{name} is {at.date()}"
    if not machine.region and "region" in machine.raw:
        yield "its region is empty"
    hosted = machine.host_status == "ok" and machine.state not in GONE
    if hosted and machine.config is None and view.evidence in _DESCRIBES:
        yield "it has no config, although its host is ok"
    zeros = [event.at for event in machine.events if event.at and not is_time(event.at)]
    if zeros:
        yield f"{len(zeros)} of its events {'is' if len(zeros) == 1 else 'are'} dated {zeros[0].date()}"
