"""The recognisers: what a log line means (facts §8.2, §7.3). One readable table; causes only use its names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runbooks.evidence.models import LogLine

_NAME = r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z][A-Z0-9_]{3,}"
_NAMES = rf"(?:{_NAME})(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s+or\s+|\s+)(?:{_NAME}))*"

# fact → patterns. `names` captures variable names, `code` an exit code, `count` a number, `thing` a file or module.
TABLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("pulling", (r"^Pulling container image (?P<thing>\S+)",)),
    ("prepared", (r"^Successfully prepared image", r"^Container image .* already prepared")),
    (
        "pull-failed",
        (
            r"(?i)(?:pull|prepare|fetch)\w*\b.*\bimage\b.*(?:fail|error|unable|not found)",
            r"(?i)(?:fail\w*|error|unable)\b.*\b(?:pull|prepare|fetch)\w*\b.*\bimage",
        ),
    ),
    ("booting", (r"Starting init \(commit",)),
    ("command", (r"Preparing to run: `(?P<thing>[^`]*)`",)),
    ("exec-format", (r"[Ee]xec format error",)),
    (
        "spawn-failed",
        (
            r"failed to spawn command: (?P<thing>.*?): (?:No such file or directory|Permission denied)",
            r"(?i)exec:? .*(?:executable file not found|no such file)",
        ),
    ),
    ("exited", (r"Main child exited normally with code: (?P<code>\d+)",)),
    ("killed", (r"Main child exited with signal \(with signal '(?P<thing>\w+)'",)),
    (
        "out-of-memory",
        (
            r"Out of memory: Killed process",
            r"Process appears to have been OOM killed",
            r"JavaScript heap out of memory",
            r"java\.lang\.OutOfMemoryError",
            r"\bMemoryError\b",
            r"Allowed memory size of \d+ bytes exhausted",
        ),
    ),
    ("exit-not-restarting", (r"machine exited with exit code (?P<code>\d+), not restarting",)),
    ("restarts-used-up", (r"machine has reached its max restart count of (?P<count>\d+)",)),
    ("abrupt", (r"Virtual machine exited abruptly",)),
    ("restarting", (r"reboot: Restarting system", r"Starting clean up")),
    (
        "missing-variable",
        (
            rf"(?i:missing\b.*\b(?:environment|env)\b[^:]*:)\s*(?P<names>{_NAMES})",
            rf"(?i:missing (?:required )?(?:environment|env)\s?(?:variables?|vars?))\s+['\"`]?(?P<names>{_NAMES})",
            rf"(?P<names>{_NAMES})['\"`]? (?:environment variables? |env vars? )?"
            r"(?:must be (?:set|provided|defined|configured)"
            r"|(?:is|are) (?:not set|required|missing|undefined|not defined))",
            rf"(?i:environment variable)s?:? ['\"`]?(?P<names>{_NAMES})['\"`]? "
            r"(?:is )?(?:not set|missing|required|not found|undefined)",
            rf"KeyError: '(?P<names>{_NAME})'",
            rf"key not found: [\"'](?P<names>{_NAME})",
            rf"required key (?P<names>{_NAME}) missing value",
            rf"could not fetch environment variable \"(?P<names>{_NAME})\"",
            rf"(?P<names>{_NAME}): (?:parameter (?:null or )?not set|unbound variable)",
        ),
    ),
    (
        "missing-file",
        (
            r"Cannot find module '(?P<thing>[^']+)'",
            r"ModuleNotFoundError: No module named '(?P<thing>[^']+)'",
            r"can't open file '(?P<thing>[^']+)'",
            r"(?P<thing>\S+): (?:command )?not found$",
            r"/usr/bin/env: .(?P<thing>[^'’]+\\?r?)['’].*No such file",
            r"Could not find or load main class (?P<thing>\S+)",
            r"Unable to access jarfile (?P<thing>\S+)",
            r"cannot load such file -- (?P<thing>\S+)",
            r"Could not open input file: (?P<thing>\S+)",
        ),
    ),
)
_COMPILED = tuple((fact, tuple(re.compile(p) for p in patterns)) for fact, patterns in TABLE)
_PLATFORM_NOISE = re.compile(
    r"Starting init \(commit|Preparing to run: `|\[fly api proxy\]|SSH listening|Main child exited|Starting clean up"
    r"|reboot: Restarting|Umounting|Mounting|hostname: |Sending signal|Out of memory: Killed"
    r"|Machine (?:created|started)|Process appears to have been OOM killed|^\[\s*\d+\.\d+\]"
    r"|failed to spawn command|exited abruptly"
)
_IDENTIFIER = re.compile(_NAME)


@dataclass(frozen=True, slots=True)
class Reading:
    """A line with what it means; `names`, `code`, `count` and `thing` as the table captured them."""

    line: LogLine
    fact: str
    names: tuple[str, ...] = ()
    number: int | None = None
    thing: str = ""


def read_lines(lines: Iterable[LogLine]) -> Iterator[Reading]:
    """Every recognised line, in the order of the log; one line can state several facts."""
    for line in lines:
        for fact, patterns in _COMPILED:
            match = next((m for p in patterns if (m := p.search(line.message[:2000]))), None)
            if match:
                groups = match.groupdict()
                number = groups.get("code") or groups.get("count")
                yield Reading(
                    line,
                    fact,
                    tuple(dict.fromkeys(_IDENTIFIER.findall(groups.get("names") or ""))),
                    int(number) if number and len(number) < 10 else None,
                    groups.get("thing") or "",
                )


def is_program(line: LogLine) -> bool:
    """Did the customer's own program print this, rather than the platform around it?"""
    return line.provider in ("app", "") and not _PLATFORM_NOISE.search(line.message)


def short(text: str, limit: int = 160) -> str:
    """A quotation in one line, at most `limit` characters long, with the cut shown."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
