"""What the machine itself answered to somebody who asked it: words of the program, and none of the platform's.

A `curl` of the app's own address that is answered with 401 says that the program wants a login. The API said nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache

# A request line of a server's log with the status of its answer; /v1/apps/ is the API's own path.
REQUEST = r"\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /(?!(?:v1/)?apps/)\S{0,2000}(?: HTTP/|\s{1,3}\d{3}\b)"
# A command where commands stand: at the start of a line, behind a prompt, in a script or in quotes. HTTPie is called
# `http`, as many a URL begins; what stands in an object of JSON is data.
_ASKS = re.compile(
    r"(?:^\s{0,20}|[$#>%;&|]\s{1,5}|[(`\"']|\b(?:do|then|exec|sudo|time) )(?:curl|wget|https?|xh)\s[^\n]{0,300}?"
    r"(?<![\w.-])(?:https?://)?"
    r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]|[a-z\d][a-z\d-]{0,62}\.fly\.dev"
    r"|(?!_api\.)[\w.-]{1,100}\.(?:internal|flycast))(?::(?!4280\b)\d{2,5})?(?=[/\s\"'?]|$)"
)
# A status, a header, a body, or what `curl -v` puts before them.
_ANSWERS = re.compile(
    r"\s{0,8}(?:$|[{}\[\]<\",*]|> |HTTP/\d|[1-5]\d\d\s*$"
    r"|(?!(?i:error|fatal|warn\w{0,3}|info|curl|wget)\b)[\w-]{1,40}: \S)"
)
_OBJECT = re.compile(r"\s{0,80}[{\"]")
# The API and its clients; `server: Fly/…` is a header of every answer.
_OF_FLY = re.compile(r"\bapi\.machines\.dev\b|\b_api\.internal\b|\bFly\b(?!/)")
_REQUEST = re.compile(REQUEST)
_ASKS_PUBLIC = re.compile(
    r"\b(?:curl|wget|https?|xh)\s[^\n]{0,300}?(?<![\w.-])(?P<app>[a-z\d][a-z\d-]{0,62})\.fly\.dev\b"
)
# An answer of the program: a status of success, or an object, which the proxy never sends.
_ANSWER = re.compile(r"\s{0,8}(?:HTTP/[\d.]{1,3} 2\d\d\b|2\d\d\s*$|[{\[]\s*(?:$|\"(?!error)))")
# Another command, a client that got no answer, or one that is no success.
_ENDS_ANSWER = re.compile(r"\s{0,8}(?:[\w@:~/.-]{1,80}[$#%❯] \S|[$#%>❯] \S|curl: \(|HTTP/[\d.]{1,3} [1345]\d\d\b)")
_MOST_LINES = 60
_MOST_HEADERS = 12


@lru_cache(maxsize=2)
def without_served(text: str) -> str:
    """The text without what the machine answered; every other line stays at its place.

    Args:
        text: a pasted text
    """
    kept: list[str] = []
    left = 0
    for line in text.split("\n"):
        asks = None if _OBJECT.match(line) else _ASKS.search(line)
        if asks:
            left = _MOST_LINES
            kept.append(line[: asks.end()])
        elif _REQUEST.search(line) or (left and _ANSWERS.match(line) and not _OF_FLY.search(line)):
            left -= left > 0
            kept.append("")
        else:
            left = 0
            kept.append(line)
    return "\n".join(kept)


def answers_below(text: str, mark: str, app: str) -> bool:
    """Did the program answer a request for its public hostname, below the last line that holds the mark?

    Args:
        text: a pasted text
        mark: words of the line above
        app: the app whose hostname counts; any, if it is not known
    """
    at = text.rfind(mark)
    if at < 0 or ".fly.dev" not in text[at:]:
        return False
    left = 0
    for line in text[at:].split("\n")[1:]:
        if asks := _ASKS_PUBLIC.search(line):
            left = _MOST_HEADERS if asks["app"] == app or not app else 0
        elif _ENDS_ANSWER.match(line):
            left = 0
        elif left:
            if _ANSWER.match(line):
                return True
            left -= 1
    return False
