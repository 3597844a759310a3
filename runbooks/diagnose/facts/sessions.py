"""A session that one machine holds and another is asked for, as the lines of both tell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from runbooks.evidence.models import LogLine

# A bare `id` is that of a session only behind a word that says so: rows and customers have one as well.
_TOKEN = re.compile(
    r"(?i)(?<![\w-])(?:(?:mcp-)?session(?:[ _-]?id)?|sid|connection(?:[ _-]?(?:id|token))"
    r"|(?:session|connection|_blazor|\w{0,20}hub|signalr)\b[^\n]{0,80}?(?<![\w-])id)"
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
    unknown = {id(line) for line in complaints if line.instance}
    if not unknown:
        return None
    told = [line for line in lines if line.instance]
    ended = {line.instance for line in told if _END.search(line.message)}
    told = [line for line in told if line.instance not in ended]
    served: dict[str, list[LogLine]] = {}
    for line in told:
        if id(line) not in unknown and not _REFUSED.search(line.message):
            for token in _tokens(line):
                served.setdefault(token, []).append(line)
    for at in reversed(range(len(told))):
        if id(told[at]) not in unknown:
            continue
        asked = told[at].instance
        near = [line for line in told[max(0, at - _NEAR) : at + 1] if line.instance == asked]
        for token in (token for line in reversed(near) for token in _tokens(line)):
            for line in served.get(token, ()):
                if _together(told[at], line):
                    return LostSession(asked, line.instance)
    return None


def _tokens(line: LogLine) -> dict[str, None]:
    """The sessions that the line names, in their order."""
    return dict.fromkeys(m["token"] for m in _TOKEN.finditer(line.message))


def _together(one: LogLine, other: LogLine) -> bool:
    """Two machines, both of them up: within a minute of each other."""
    if one.at is None or other.at is None or one.instance == other.instance:
        return False
    return abs(one.at - other.at) <= timedelta(minutes=1)
