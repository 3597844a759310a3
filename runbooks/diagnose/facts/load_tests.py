"""What load-testing tools sum up: how many requests there were, and how many of them failed.

k6, vegeta, autocannon, bombardier, siege, artillery and locust, as they print it; hey, ab and wrk are read line by
line in `intermittent.py`.

A failure is an answer of 5xx, or none. Where a tool sums up no statuses, it is what the tool calls a failure; what
autocannon calls `non 2xx` counts where other answers were 2xx, for a redirect or a login answers every request.
"""

from __future__ import annotations

import re
from fractions import Fraction

Sum = tuple[int, int]
"""(failed, tried)"""

_INDENT = r"[^\S\n]{0,40}"
_DOTS = r"[. ]{0,60}:\s{0,9}(?P<percent>\d{1,3}(?:\.\d{1,4})?) ?%"
_OUT_OF = r"\s{1,9}(?P<part>\d{1,9}) out of (?P<all>\d{1,9})"
# k6 marks what came true with ✓, also where it measures failures.
_MARKED = r"\s{1,9}✓ ?(?P<yes>\d{1,9})\s{1,20}✗ ?(?P<no>\d{1,9})"
_K6_FAILED = re.compile(rf"^{_INDENT}(?:http_req_failed|checks_failed){_DOTS}(?:{_MARKED}|{_OUT_OF})?", re.M)
_K6_PASSED = re.compile(rf"^{_INDENT}checks{_DOTS}(?:{_MARKED})?", re.M)
_VEGETA = re.compile(r"^Status Codes\s{1,20}\[code:count\]\s{1,20}(?P<codes>(?:\d{1,3}:\d{1,9}\s{0,9}){1,40})", re.M)
_CODES = re.compile(
    r"\bhttp\.codes\.(?P<code>\d{3}):[ .]{1,90}(?P<count>\d{1,9})|\berrors\.\w{1,40}:[ .]{1,90}(?P<broken>\d{1,9})"
)
# autocannon; it names errors, and what was not 2xx, only where there are some
_SENT = re.compile(r"(?P<all>\d{1,9}(?:\.\d{1,3})?)(?P<unit>[kM]?) requests in \d")
_ERRORS = re.compile(rf"^{_INDENT}(?P<bad>\d{{1,9}}) errors \(\d{{1,9}} timeouts\)", re.M)
_NOT_OK = re.compile(r"(?P<good>\d{1,9}) 2xx responses, (?P<bad>\d{1,9}) non 2xx responses")
# Numbers of requests as named groups; names that begin with `bad` are of failures.
_COUNTED = (
    re.compile(  # bombardier
        r"\b2xx - (?P<good2>\d{1,9}), 3xx - (?P<good3>\d{1,9}), 4xx - (?P<good4>\d{1,9}), 5xx - (?P<bad5>\d{1,9})"
        r"(?:\s{1,20}others - (?P<bad>\d{1,9}))?"
    ),
    re.compile(
        r"Successful[ _]transactions:\s{1,40}(?P<good>\d{1,9})\s{1,9}Failed[ _]transactions:\s{1,40}(?P<bad>\d{1,9})"
    ),
)
_LOCUST = re.compile(rf"^{_INDENT}Aggregated\s{{1,80}}(?P<all>\d{{1,9}})\s{{1,20}}(?P<bad>\d{{1,9}})\(\d", re.M)
_NAMES = re.compile(r"http_req_failed|\bchecks|\[code:count\]|2xx|transactions:|http\.codes\.|Aggregated|timeouts\)")


def load_test(words: str) -> Sum | None:
    """The sum of the load test in a text; of several measures of one, the one that failed most.

    Args:
        words: what a person pasted

    Returns:
        how many failed and how many were tried; a percentage without counts as the smallest such fraction; None
        where no tool is recognised
    """
    if not _NAMES.search(words):
        return None
    found = [*_of_k6(words), *_of_others(words)]
    return max(found, key=lambda told: Fraction(told[0], told[1] or 1), default=None)


def _of_k6(words: str) -> list[Sum]:
    failed, passed = _last(_K6_FAILED, words), _last(_K6_PASSED, words)
    told: list[Sum] = []
    if failed:
        told.append(_either(failed, "yes", "no") or _share(Fraction(failed["percent"])))
    if passed:
        told.append(_either(passed, "no", "yes") or _share(100 - Fraction(passed["percent"])))
    return told


def _either(found: re.Match[str], bad: str, good: str) -> Sum | None:
    counts = found.groupdict()
    if counts.get("all"):
        return int(counts["part"]), int(counts["all"])
    return (int(counts[bad]), int(counts[bad]) + int(counts[good])) if counts.get(bad) else None


def _share(percent: Fraction) -> Sum:
    share = (percent / 100).limit_denominator(1000) or (percent and Fraction(1, round(100 / percent)))
    return share.numerator, share.denominator


def _of_autocannon(words: str) -> list[Sum]:
    errors, answers, sent = _last(_ERRORS, words), _last(_NOT_OK, words), _last(_SENT, words)
    broken = int(errors["bad"]) if errors else 0
    if answers:
        good, other = int(answers["good"]), int(answers["bad"])
        return [(broken + (other if good else 0), broken + good + other)]
    if not (errors and sent):
        return []
    return [(broken, max(broken, int(Fraction(sent["all"]) * {"": 1, "k": 1000, "M": 1_000_000}[sent["unit"]])))]


def _of_others(words: str) -> list[Sum]:
    told = _of_autocannon(words)
    for summed in filter(None, (_last(pattern, words) for pattern in _COUNTED)):
        counts = {name: int(count or 0) for name, count in summed.groupdict().items()}
        told.append((sum(n for name, n in counts.items() if name.startswith("bad")), sum(counts.values())))
    if aggregated := _last(_LOCUST, words):
        told.append((int(aggregated["bad"]), int(aggregated["all"])))
    if report := _last(_VEGETA, words):
        codes = [(int(code), int(count)) for code, _, count in (c.partition(":") for c in report["codes"].split())]
        told.append((sum(n for code, n in codes if not 100 <= code < 500), sum(n for _, n in codes)))
    counters = {m[0].partition(": ")[0]: m for m in _CODES.finditer(words)}  # a later report repeats and adds up
    counted = [(int(m["count"] or m["broken"]), bool(m["broken"]) or m["code"] >= "500") for m in counters.values()]
    if counted:
        told.append((sum(n for n, bad in counted if bad), sum(n for n, _ in counted)))
    return told


def _last(pattern: re.Pattern[str], words: str) -> re.Match[str] | None:
    found = None
    for match in pattern.finditer(words):
        found = match
    return found
