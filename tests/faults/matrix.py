"""Every question × every fault × three scenarios: the run ends in time and says nothing that is not so.

`make faults` prints the whole matrix; the tests beside this file run a slice of it. Each cell opens a case,
judges and publishes it as the notebook does, with one endpoint spoilt, and compares it with the same case
undisturbed.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from .cells import SCENARIOS, Cell, cells
from .runner import RUNNER, through_the_runner
from .spoiling import Done, run

LEGEND = {
    "?": "could not look, with the reason",
    "=": "read as if nothing had happened",
    "n": "taken for the platform's own no, which it is",
    "~": "read in part, and what is missing is missing",
    "c": "read, with the sender's wrong times",
    "e": "what the edge answers is the finding",
    "!": "a promise is broken",
    "·": "not asked in this scenario",
}


@dataclass
class Matrix:
    """All that was played, by scenario, row and fault."""

    done: list[Done] = field(default_factory=list)

    @property
    def failures(self) -> list[Done]:
        return [done for done in self.done if done.problems]

    def text(self) -> str:
        lines = []
        ours = [done for done in self.done if done.cell.row.numbers]
        for http in (True, False):
            part = [done for done in ours if done.cell.row.http is http]
            if part:
                lines += [*self._table(part), ""]
        lines += [f"{d.sign}  {_name(d.cell)}, {d.seconds:.0f} s" for d in self.done if d not in ours] + [""]
        lines += [f"  {sign}  {meaning}" for sign, meaning in LEGEND.items()]
        counts = Counter(done.sign for done in self.done)
        total = "  ".join(f"{sign} {counts[sign]}" for sign in LEGEND if counts[sign])
        slowest = max(self.done, key=lambda done: done.seconds, default=None)
        lines += ["", f"{len(self.done)} cells:  {total}"]
        if slowest is not None:
            lines.append(f"slowest: {slowest.seconds:.1f} s, {_name(slowest.cell)}")
        for done in self.failures:
            lines += [f"FAILED {_name(done.cell)}", *(f"    {problem}" for problem in done.problems)]
        return "\n".join(lines)

    def _table(self, part: list[Done]) -> Iterator[str]:
        """One line a fault, one column a question; the scenarios stand side by side in each column."""
        labels = sorted({done.cell.row.label for done in part})
        kinds = list(dict.fromkeys(done.cell.kind for done in part))
        scenarios = list(dict.fromkeys(done.cell.scenario for done in part))
        signs = {(d.cell.kind, d.cell.row.label, d.cell.scenario): d.sign for d in part}
        width = max(map(len, kinds))
        for column, label in enumerate(labels):
            yield f"{' ' * width}  {'    ' * column}{label}"
        for kind in kinds:
            groups = ["".join(signs.get((kind, label, name), "·") for name in scenarios) for label in labels]
            yield f"{kind:{width}}  {' '.join(groups)}"


def _name(cell: Cell) -> str:
    return f"{cell.scenario} / {cell.row.label} / {cell.kind}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Play every question with every fault, and print the matrix.")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS)
    parser.add_argument("--row", default="", help="only rows whose label contains this")
    parser.add_argument("--kind", default="", help="only faults whose name matches this regular expression")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args(arguments)
    wanted = [
        cell
        for cell in cells(chosen.scenario or SCENARIOS)
        if chosen.row in cell.row.label and re.fullmatch(chosen.kind or ".*", cell.kind)
    ]
    matrix, begun = Matrix(), time.monotonic()
    with ProcessPoolExecutor(chosen.jobs, mp_context=get_context("spawn")) as pool:
        for number, done in enumerate(pool.map(run, wanted, chunksize=4), start=1):
            matrix.done.append(done)
            if done.problems:
                print(f"{_name(done.cell)}: {done.problems[0][:200]}", file=sys.stderr)
            if sys.stderr.isatty():
                print(f"\r{number} of {len(wanted)}", end="", file=sys.stderr)
        if not (chosen.scenario or chosen.row or chosen.kind):
            matrix.done += pool.map(through_the_runner, *zip(*RUNNER, strict=True))
    print(matrix.text())
    print(f"{time.monotonic() - begun:.0f} s")
    return 1 if matrix.failures else 0


if __name__ == "__main__":
    for name in [n for n in os.environ if n.startswith(("FLY_", "RUNBOOKS_"))]:
        del os.environ[name]
    sys.exit(main())
