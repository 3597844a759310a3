"""A session that one machine holds and another is asked for, as the lines of both tell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from runbooks.evidence.models import LogLine

_TOKEN = re.compile(
    r"(?i)(?<![\w-])(?:(?:mcp-)?session(?:[ _-]?id)?|sid|id|connection(?:[ _-]?(?:id|token)))"
    r"[\"']?\s?[=:]\s?[\"']?(?P<token><secret:[\w#:]{1,40}>|[\w-]{3,80})"
)
_REFUSED = re.compile(r"(?<![\d.:])4\d\d(?![\d.])")
# A session that went with its machine was not sent to the wrong one.
_END = re.compile(
    r"Sending signal SIG|Main child exited|exited with exit code|reboot: |[Aa]uto(?:matically )?(?:stop|susp)"
)
_NEAR = 2  # lines above the complaint that may be its request


@dataclass(frozen=True, slots=True)
class LostSession:
    """`asked` does not know a session that `holder` served within a minute of it. The session itself is a secret."""

    asked: str
    holder: str


def lost_session(lines: Iterable[LogLine], complaints: Iterable[LogLine]) -> LostSession | None:
    """The last session that one machine complained not to know, and that another machine's lines show."""
    told = [line for line in lines if line.instance]
    ended = {line.instance for line in told if _END.search(line.message)}
    told = [line for line in told if line.instance not in ended]
    unknown = {id(line) for line in complaints if line.instance}
    for at in reversed(range(len(told))):
        if id(told[at]) not in unknown:
            continue
        asked = told[at].instance
        near = [line for line in told[max(0, at - _NEAR) : at + 1] if line.instance == asked]
        for token in (m["token"] for line in reversed(near) for m in _TOKEN.finditer(line.message)):
            for line in told:
                if id(line) not in unknown and _together(told[at], line) and _serves(line.message, token):
                    return LostSession(asked, line.instance)
    return None


def _together(one: LogLine, other: LogLine) -> bool:
    """Two machines, both of them up: within a minute of each other."""
    if one.at is None or other.at is None or one.instance == other.instance:
        return False
    return abs(one.at - other.at) <= timedelta(minutes=1)


def _serves(message: str, token: str) -> bool:
    return any(m["token"] == token for m in _TOKEN.finditer(message)) and not _REFUSED.search(message)
