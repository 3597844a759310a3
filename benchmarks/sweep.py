"""What the runs of a sweep save when they share the answers about their app and organisation.

The same suspects of one app are investigated twice in this process, one after the other: by runs that know nothing of
each other, and by runs that share. Told are the requests to the Machines API, and the CPU time of asking and masking.
"""

from __future__ import annotations

import os
import time
from contextlib import nullcontext

from runbooks.base.settings import load_settings
from runbooks.collect.shared_answers import sharing
from runbooks.definitions import find, validate
from runbooks.evidence.fleet import Fleet
from runbooks.execution.many import SHARED_ANSWERS
from runbooks.execution.sweep import EACH, FLEET
from runbooks.source import collect

SOURCE, APP, RUNS = "simulator:fleet-planted", "harvest-render", 6
FLY = "api.machines.dev"


def suspects() -> list[str]:
    """Machines of one app, as the fleet's runbook finds them."""
    asked = collect(validate(FLEET, {"source": SOURCE}), load_settings(), facets=find(FLEET).facets)
    fleets = [one.answer for one in asked.evidence.observations.values() if isinstance(one.answer, Fleet)]
    pairs = (pair for fleet in fleets for _, pair in fleet.pairs())
    return [pair.machine_id for pair in pairs if pair.app == APP and pair.machine_id][:RUNS]


def investigated(machines: list[str]) -> list[tuple[int, float]]:
    """Requests to the Machines API, and CPU seconds, of each run."""
    told = []
    for machine in machines:
        parameters = validate(EACH, {"source": SOURCE, "app_name": APP, "machine_id": machine})
        begun = time.process_time()
        asked = collect(parameters, load_settings(), facets=find(EACH).facets)
        told.append((asked.requests.by_host[FLY], time.process_time() - begun))
    return told


def main() -> None:
    machines = suspects()
    for name, memory in (("each by itself", nullcontext("")), ("shared", sharing(machines))):
        with memory as place:
            os.environ[SHARED_ANSWERS] = place
            told = investigated(machines)
        requests, seconds = sum(one for one, _ in told), sum(took for _, took in told)
        first, rest = told[0][1], sum(took for _, took in told[1:]) / (len(told) - 1)
        print(
            f"{name:15} {len(told)} runs: {requests} requests to {FLY}, {seconds:.1f} s CPU; "
            f"the first {first:.1f} s, each other {rest:.1f} s"
        )


if __name__ == "__main__":
    main()
