"""The platform's own record of a machine, where it is broken: values that no machine can have (§1.4, §14.7)."""

from __future__ import annotations

from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Claim


def broken_record(facts: Facts) -> Claim | None:
    """What is wrong with the record of a machine whose host answers; None where nothing is."""
    wrong = facts.machine.broken
    if not wrong:
        return None
    told = "; ".join(sorted(wrong))
    return Claim(f"The platform's record of the machine is broken: {told}.", facts.made(*sorted(set(wrong.values()))))


def empty_shell(facts: Facts) -> Claim | None:
    """The same, where several values are broken: the platform keeps an entry, and has lost the machine behind it."""
    return broken_record(facts) if len(facts.machine.broken) > 1 else None
