"""The status of an HTTP answer in the log of a client, where the body itself does not name it."""

from __future__ import annotations

import re

CODE = r"(?:4(?:0\d|1[0-8]|2[1-9]|31|51)|5(?:0\d|1[01]|2[0-7]|30))"
"""Statuses that refuse, as a pattern; 443 is a port and 512 an amount of memory."""
# Where a client of HTTP puts the status beside a body that does not name it: `POST /v1/… 408 {`, `got 422 body={`,
# `<- 422\n{`, `{…} (422)`, and as curl -w does, `{…}\n422`.
_AHEAD = re.compile(
    rf"(?m)(?:^|[:|>,;]\s|:\d\d(?:\.\d{{1,9}})?Z?\]?\s|<-{{1,2}}\s|\b(?:GET|POST|PUT|PATCH|DELETE|HEAD)\s\S{{1,300}}\s"
    rf"|\b(?:got|resp|[Rr]esponse|answer(?:ed)?|received|repl(?:y|ied)|returned|[a-z]{{0,20}}creat(?:e|ed|ing)|wait|launch)\W"
    rf"|\b[A-Z]{{2,10}}(?:_[A-Z]{{2,20}}){{1,4}}\s)[\s\[(<]{{0,3}}(?P<code>{CODE})\b"
    r"[\])>]{0,2}[^\S\n]{0,3}(?:[:|,—-][^\S\n]{0,3})?(?:\w{1,20}=[^\s{]{0,60}[^\S\n]{1,3}){0,6}"
    r"(?:after [\d.]{1,9} ?m?s[^\S\n]{0,3}|https?://\S{1,300}[^\S\n]{0,3}|\([\d.]{1,9} ?m?s\)[^\S\n]{0,3}){0,2}"
    r"(?:(?i:body|payload|data|json|text|error|err|detail|message|msg|resp|response|answer)[=:][^\S\n]{0,3})?['\"(]?\r?\n?[^\S\n]{0,4}\Z"
)
_BEHIND = re.compile(
    rf"[^\S\n]{{0,3}}(?P<below>\n?)[^\S\n]{{0,3}}[(\[]?(?P<code>{CODE})[)\]]?[^\S\n]{{0,3}}(?:\r?\n|\Z)"
)
_COUNTED = re.compile(
    r"(?i)\b(?:port|pid|line|took|in|after|of|duration|elapsed|latency|time|count|attempts?|tr(?:y|ies)|retr\w{1,5}|worker"
    r"|job|user|row|id|size|bytes|length|memory|pool|shard|want|have)\W{0,4}\Z"
)
"""What stands before a number that is no status."""
# Behind a colon stand amounts, rows and priorities: what is before it has to name HTTP, or the call that was answered.
_LABEL = re.compile(r"(?P<label>[^\n:,;]{0,120}):[\s\[(<]{0,5}\Z")
_OF_HTTP = re.compile(
    r"(?i)(?<![^\W_])(?:https?|status|(?:status|error|http)_?code|response|resp|body|error|err|answer(?:ed)?|repl(?:y|ied)"
    r"|refused|rejected|failed|got|received|returned|creat(?:e|ed|ing)|launch\w{0,3}|wait|start\w{0,3}|update"
    r"|GET|POST|PUT|PATCH|DELETE|HEAD|fly|api|machines?)(?![^\W_])"
)


def status_beside(ahead: str, behind: str) -> int | None:
    """The status that stands right before or behind a body; None where the number there counts something else."""
    found = _AHEAD.search(ahead)
    if found and _tells(ahead[: found.start("code")]):
        return int(found["code"])
    after = _BEHIND.match(behind)
    if not after:
        return None
    # Below a body that has a line of its own, or that of an answer.
    line = ahead.rpartition("\n")[2].strip()
    return int(after["code"]) if not after["below"] or not line or _OF_HTTP.search(line) else None


def _tells(before: str) -> bool:
    """May a status stand behind this, rather than a count?"""
    label = _LABEL.search(before)
    return not _COUNTED.search(before) and (label is None or bool(_OF_HTTP.search(label["label"])))
