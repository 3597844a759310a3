"""How fast the engine judges, in CPU time of one core: `make bench-diagnose`.

Figures stand beside a baseline of the same run: reading the same machines' JSON once more.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from dataclasses import replace

from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Evidence, LogLine, Logs
from runbooks.simulator.scenario import scenario_names
from tools.generate_docs import play

LINES = 10_000


def rate(work: Callable[[], int], seconds: float = 4.0) -> float:
    """Units of work in a second of CPU time."""
    begun, done = time.process_time(), 0
    while time.process_time() - begun < seconds:
        done += work()
    return done / (time.process_time() - begun)


def once(evidence: Evidence) -> float:
    begun = time.process_time()
    diagnose(evidence)
    return time.process_time() - begun


def long_log(evidence: Evidence) -> Evidence:
    """The same machine with ten thousand lines, each different from the others."""
    observation = evidence.observations["E07"]
    own = observation.answer.lines
    lines = tuple(
        LogLine(own[0].at, f"{line.message} #{n}", line.provider, line.level, line.instance, line.region)
        for n in range(LINES // len(own) + 1)
        for line in own
    )[:LINES]
    return replace(evidence, observations={**evidence.observations, "E07": replace(observation, answer=Logs(lines))})


def main() -> None:
    sets = [play(name) for name in scenario_names()]
    for evidence in sets:
        diagnose(evidence)
    # A run holds one evidence set; the garbage collector is not to go through all of these again and again.
    gc.collect()
    gc.freeze()
    bodies = [
        exchange.body
        for evidence in sets
        for observation in evidence.observations.values()
        for exchange in observation.exchanges
    ]
    bodies = [body for body in bodies if body.startswith(("{", "["))]

    def judge() -> int:
        for evidence in sets:
            diagnose(evidence)
        return len(sets)

    def read() -> int:
        for body in bodies:
            json.loads(body)
        return len(sets)

    judged, baseline = rate(judge), rate(read)
    print(f"{judged:,.0f} evidence sets a second on one core")
    print(f"reading the same machines' JSON once more is {baseline / judged:.1f} times as fast")
    short = next(evidence for evidence in sets if evidence.subject.machine_id == "91850296bd4738")
    added = once(long_log(short)) - once(short)
    print(f"{LINES:,} log lines for one machine add {added:.2f} s")


if __name__ == "__main__":
    main()
