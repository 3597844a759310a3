"""What fails, works and fails again: how often, and with which period. Intermittent is not healthy (§14.11)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from statistics import median

from runbooks.diagnose.facts.load_tests import load_test
from runbooks.diagnose.facts.observations import format_duration
from runbooks.diagnose.log_classifier import LogMatch
from runbooks.evidence.caller_errors import STAMP
from runbooks.evidence.models import LogLine
from runbooks.evidence.parsers import time_of

Trial = tuple[datetime | None, bool]
"""When it was tried, and whether it worked."""

_BOOTS = ("booting", "created-and-started")
_CHECKS = ("health-failed", "health-passed")
_REFUSED = frozenset({"refused", "concurrency"})
_METHOD = r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\b"
_STATUS = r"(?P<status>[1-5]\d\d)\b"
# A request and its answer in one line.
_ANSWERED = (
    # as proxies, servers and `curl -w` write it: GET /path HTTP/1.1" 502
    re.compile(rf"{_METHOD} (?:https?://|/)\S{{0,300}}[^\d\n]{{1,20}}?(?:HTTP/[\d.]{{1,3}}\W{{1,3}})?\b{_STATUS}"),
    # as loggers do, in JSON or as key=value: "method":"GET", …, "statusCode":502
    re.compile(rf"{_METHOD}.{{0,400}}\bstatus(?:_?[cC]ode)?\\?[\"']?\s?[:=]\s?{_STATUS}"),
    # Rails, Phoenix and Gin
    re.compile(rf"^(?:\S{{0,60}} ){{0,4}}?(?:Completed|Sent) {_STATUS}.{{0,40}} in \d"),
    re.compile(rf"^\[GIN\] .{{10,40}}\| {_STATUS} \|"),
)
# What a client says of a visit without a status.
_WENT_WRONG = re.compile(
    r"(?i)\bfail(?:ed|s|ure)?\b|\berror\b|refused|timed? ?out|unreachable|\bdown\b|\breset\b|hang up|packet loss"
    r"|\b(?:net::)?ERR_[A-Z]|\bE(?:NOTFOUND|CONN[A-Z]{4,9}|AI_AGAIN|TIMEDOUT)\b|\w(?:Error|Exception|Timeout)\b"
)
_WENT_WELL = re.compile(r"(?i)\b(?:connected|opened|succeeded|up|ok)\b")
_SOCKET = re.compile(r"\b(?:wss?|web ?socket)\b")
_VISITED = re.compile(rf"(?<![\w.:/-])(?<!port[ =])(?<!Errno ){_STATUS}(?!\s?(?:ms|s|bytes)\b|[:%]|\.\d)")
# A line of nothing but statuses, as a loop of `curl -w '%{http_code}'` prints them; 000 where nothing answered.
_CODES = re.compile(
    r"\W{0,3}(?:(?:try|attempt|request)?\s?#?\d{1,4}\s?(?:[:.)]|[-=]>)\s{1,3}"
    r"|\[?(?:[\d-]{10}[T ])?\d\d:\d\d:\d\d\S{0,12}\s)?"
    r"(?:HTTP/[\d.]{1,3} |<Response \[|(?:status|code)[:=]? )?"
    r"(?P<codes>(?:000|[1-5]\d\d)(?:[\s,|]{1,4}(?:000|[1-5]\d\d))*)"
    r"(?:\]>)?(?:\s{1,4}(?:[A-Z][A-Za-z ]{1,30}|[\d.]{1,9} ?m?s))?\s*",
    re.I,
)
# How many requests had which status, as hey sums it up; how many there were and how many of them failed: ab and wrk.
_SUMMED = re.compile(r"\s*\[(?P<code>[1-5]\d\d)\]\s{1,8}(?P<count>\d{1,5}) responses\s*$")
_SENT = re.compile(r"\s*(?:Complete requests:\s{1,20})?(?P<count>\d{1,5})(?: requests in \S{1,20}.*|\s*)$")
_OF_THEM = re.compile(r"\s*(?:Non-2xx(?: or 3xx)? responses|Failed requests):\s{1,40}(?P<count>[1-9]\d{0,4})\s*$")
_CURL_FAILED = re.compile(r"\s*curl: \(\d{1,2}\) ")
_THREE = re.compile(r"\b[1-5]\d\d\b")
_MAX_LINES = 2_000
# After so many periods without a failure it is over; where there is no period, after so many successes.
_OVER_AFTER = 3
_OVER_AFTER_SUCCESSES = 10


@dataclass(frozen=True, slots=True)
class Intermittent:
    """Failures with successes in between.

    Attributes:
        failed: how often it failed
        tried: how often it was tried
        every: the median time from the beginning of one stretch of failures to that of the next; None if unknown
    """

    failed: int
    tried: int
    every: timedelta | None

    @property
    def rate(self) -> str:
        """The rate and the period as a reader says them."""
        period = f", about every {format_duration(self.every)}" if self.every else ""
        return f"failed {self.failed} of {self.tried} times{period}"


def intermittent(trials: Sequence[Trial]) -> Intermittent | None:
    """The pattern of these trials; None where one stretch of failures is all there was, or where it is over.

    Args:
        trials: in the order of their times
    """
    stretches = [(worked, [at for at, _ in group]) for worked, group in groupby(trials, key=lambda trial: trial[1])]
    begun = [times[0] for worked, times in stretches if not worked]
    if len(begun) < 2:
        return None
    gaps = [(b - a).total_seconds() for a, b in pairwise(begun) if a and b]
    every = timedelta(seconds=round(median(gaps))) if gaps and median(gaps) >= 1 else None
    last, failed_at = trials[-1][0], [at for at, worked in trials if not worked and at]
    if every and last and failed_at and last - failed_at[-1] > _OVER_AFTER * every:
        return None
    return Intermittent(sum(not worked for _, worked in trials), len(trials), every)


def checks(readings: Iterable[LogMatch]) -> dict[str, Intermittent]:
    """Name of a check → its pattern, within the last life of the program."""
    trials: dict[str, list[Trial]] = {}
    for reading in readings:
        if reading.fact in _BOOTS:
            trials.clear()
        elif reading.fact in _CHECKS:
            trials.setdefault(reading.thing, []).append((reading.line.at, reading.fact == "health-passed"))
    return {name: found for name, told in trials.items() if (found := intermittent(told))}


def requests(lines: Iterable[tuple[LogLine, Collection[str]]]) -> Intermittent | None:
    """The pattern of the requests that these lines report, within the last life of the program.

    Args:
        lines: each with the facts that it states; an answer of 5xx is a failure, and so is one that the proxy could
            not hand to the program
    """
    trials: list[Trial] = []
    for line, facts in lines:
        if any(fact in facts for fact in _BOOTS):
            trials.clear()
        elif not _REFUSED.isdisjoint(facts):
            trials.append((line.at, False))
        elif match := _answered(line.message[:1000]):
            trials.append((line.at, match["status"] < "500"))
    return intermittent(trials)


def visits(words: str, hosts: Collection[str]) -> Intermittent | None:
    """The pattern of a client's visits to one of these hosts, as its own log reports them.

    Also a failure between successes, and one that no success follows: nothing says that it is over.

    Args:
        words: the client's log; a line that names another address is not about them
        hosts: names in small letters
    """
    lines = words.splitlines()[:_MAX_LINES]
    about = bool(lines) and all(_CODES.fullmatch(line[:1000]) for line in lines if line.strip())
    trials: list[Trial] = []
    above = ""
    for line in lines:
        low = line[:1000].lower()
        host = next((name for name in hosts if name and name in low), "")
        about = bool(host) or (about and "://" not in low)
        stamp = STAMP.search(line[:100])
        at = time_of(stamp[0]) if stamp else None
        if about and not host and (of_them := _OF_THEM.match(line)):
            failed = int(of_them["count"])
            trials[-failed:] = [(at, False)] * failed
        elif about and not host and (told := _told(line[:1000])):
            trials += [(at, worked) for worked in told]
        elif host or (socket := None if "://" in low else _SOCKET.search(low)):
            begin = low.find(host) + len(host) if host else socket.end() if socket else 0
            worked = _went(line[begin:1000].partition(" ")[2])
            # Before the address, or in the line above, only an error is told.
            if worked is None and host and False in (_went(line[: low.find(host)]), _went(above)):
                worked = False
            if worked is not None:
                trials.append((at, worked))
        above = "" if host or "://" in low else line[:1000]
    if all(at for at, _ in trials):
        trials.sort(key=lambda trial: trial[0] or datetime.min.replace(tzinfo=UTC))
    return intermittent(trials) or _not_over(trials) or _load_tested(words, hosts)


def _load_tested(words: str, hosts: Collection[str]) -> Intermittent | None:
    """Failures that a load test sums up, where no other address is named in the text."""
    told = load_test(words)
    if not told or not told[0] or any(not _named(line.lower(), hosts) for line in words.splitlines() if "://" in line):
        return None
    return Intermittent(*told, None)


def _named(low: str, hosts: Collection[str]) -> bool:
    return any(name and name in low for name in hosts)


def _went(said: str) -> bool | None:
    """Whether a visit worked, by its status or else by the words; None where neither is there."""
    status, wrong = _VISITED.search(said), _WENT_WRONG.search(said)
    if status:
        return status["status"] < "500"
    return False if wrong else True if _WENT_WELL.search(said) else None


def _told(line: str) -> list[bool]:
    """Which visits worked, where the line says it without naming the address again."""
    if codes := _CODES.fullmatch(line):
        return ["100" <= code < "500" for code in re.findall(r"\d{3}", codes["codes"])]
    if summed := _SUMMED.match(line):
        return [summed["code"] < "500"] * int(summed["count"])
    if "equests" in line and (sent := _SENT.match(line)):
        return [True] * int(sent["count"])
    return [False] if _CURL_FAILED.match(line) else []


def _not_over(trials: Sequence[Trial]) -> Intermittent | None:
    """Failures after a success, or at the end: a first visit that failed is over with the next one that works."""
    failed = [number for number, (_, worked) in enumerate(trials) if not worked]
    if not failed or failed[-1] == len(failed) - 1 < len(trials) - 1:
        return None
    since = len(trials) - 1 - failed[-1]
    return Intermittent(len(failed), len(trials), None) if since < _OVER_AFTER_SUCCESSES else None


def _answered(text: str) -> re.Match[str] | None:
    """A line of most logs has no number with three digits, and needs no further look."""
    if not _THREE.search(text):
        return None
    return next((match for pattern in _ANSWERED if (match := pattern.search(text))), None)
