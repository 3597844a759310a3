"""Remove the test machines of runs that died: by mark, name and time of creation together, and by nothing less."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from runbooks.collect import machines
from runbooks.collect.canary.trial import GONE, remove
from runbooks.collect.client import Client
from runbooks.evidence.canary import RUN_KEY, CanaryMark, CanarySweep, mark_of
from runbooks.evidence.models import Listing

Alive = Callable[[datetime], bool | None]
"""Whether the run that began then still goes on; None: nobody here knows it."""


def sweep(client: Client, app: str, listing: Listing, now: datetime, alive: Alive) -> CanarySweep:
    """Destroy what runs that have ended left in the app.

    A run that is known here and has died is swept at once; one that is not known here, when its time is up.
    """
    removed: list[str] = []
    left: dict[str, str] = {}
    copies: list[str] = []
    for machine in listing.machines:
        if RUN_KEY not in machine.metadata or machine.state in GONE:
            continue
        mark = mark_of(machine)
        if mark is None:
            copies.append(machine.id)
            continue
        url = machines.api_url("apps", app, "machines", machine.id, force="true")
        if not _ended(client, url, mark, now, alive):
            until = f"{mark.expires:%Y-%m-%d %H:%M} UTC"
            left[machine.id] = f"its run may still go on; it can be removed after {until}"
        elif remove(client, url, machine.id, machine.name):
            removed.append(machine.id)
        else:
            left[machine.id] = "Fly did not accept its removal"
    return CanarySweep(tuple(removed), left, tuple(copies))


def _ended(client: Client, url: str, mark: CanaryMark, now: datetime, alive: Alive) -> bool:
    if client.recorded:
        return client.recorded("DELETE", url)  # a replay cannot see the disk of the run
    lives = alive(mark.run)
    return mark.expires <= now if lives is None else not lives
