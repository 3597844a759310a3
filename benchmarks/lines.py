"""How long ten thousand lines of a log take to be read, against a plain loop over the same lines in the same run.

    .venv/bin/python benchmarks/lines.py

Three logs: one that nothing is to be found in, one of the lines of the test table, each made different from all
others so that no cache helps, and a crash loop, whose lines come again and again. Prints seconds and ratios.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import yaml

from runbooks.diagnose.log_classifier import meanings_of, read_lines
from runbooks.evidence.log_parser import log_lines
from runbooks.evidence.models import LogLine

COUNT = 10_000
TABLES = Path(__file__).resolve().parents[1] / "tests" / "diagnose" / "lines"


def main() -> None:
    told = list(table())
    quiet = [
        LogLine(None, f'INFO:     172.16.2.98:{i} - "GET /api/items/{i} HTTP/1.1" 200 OK', "app") for i in range(COUNT)
    ]
    busy = [LogLine(None, f"{text} {i}", who) for i, (who, text) in zip(range(COUNT), told * COUNT, strict=False)]
    loop = [LogLine(None, text, who) for who, text in told * (COUNT // len(told))]
    print(f"{COUNT} lines            read_lines    plain loop    ratio")
    for name, lines in (("nothing in them", quiet), ("table's, no cache", busy), ("a crash loop", loop)):
        spent, plain = best(lambda lines=lines: list(read_lines(lines))), best(lambda lines=lines: baseline(lines))
        print(f"  {name:<20} {spent:8.3f} s   {plain:8.4f} s   {spent / plain:6.1f}")
    head = "2025-10-02T03:00:15Z app[91850296bd4738] sin [info]"
    text = "\n".join(head + line.message for line in busy)
    print(f"  pasted, {len(text) >> 20} MiB        {best(lambda: log_lines(text)):8.3f} s")


def baseline(lines: list[LogLine]) -> int:
    """What no reader can do without: each message once in small letters, and one search in it."""
    return sum("error" in line.message.lower() for line in lines)


def best(work: Callable[[], object]) -> float:
    """The quickest of three runs, each with empty caches, since other programs may share the machine."""
    spent = []
    for _ in range(3):
        meanings_of.cache_clear()
        begun = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begun)
    return min(spent)


def table() -> list[tuple[str, str]]:
    rows = []
    for path in sorted(TABLES.glob("*.yaml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8")):
            for row in group["lines"]:
                who = next(key for key in row if key != "means")
                rows.append(("" if who == "pasted" else who, row[who]))
    return rows


if __name__ == "__main__":
    main()
