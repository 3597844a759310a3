"""What flyctl prints of an app as a whole: `fly releases`, `fly scale show`, `fly doctor`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbooks.evidence.models import AppFinding
from runbooks.evidence.pasted.readers import Found, PastedText, reads

_MAX_ROWS = 200
_MOST_TEXT = 160
_NAME = r"[a-z0-9][a-z0-9-]{0,62}"
_EDGE = r"[\s|│┃*]{0,8}"
_RELEASES = re.compile(rf"{_EDGE}VERSION\W{{1,40}}STATUS\W{{1,40}}DESCRIPTION\b")
_RELEASE = re.compile(rf"{_EDGE}v(?P<version>\d{{1,7}})[\s|│┃]{{1,40}}(?P<status>[a-z]{{3,20}})\b")
_GROUPS = re.compile(rf"{_EDGE}NAME\W{{1,80}}COUNT\W{{1,40}}KIND\b")
_GROUP = re.compile(
    rf"{_EDGE}[a-z][\w-]{{0,62}}[\s|│┃]{{1,80}}(?P<count>\d{{1,6}})[\s|│┃]{{1,40}}(?:shared|performance|a100|l40s)\b"
)
_HOST = r"(?P<host>(?:\*\.)?[a-zA-Z0-9-]{1,63}(?:\.[a-zA-Z0-9-]{1,63}){1,6})"
_UNVERIFIED = re.compile(
    rf"^\s{{0,8}}Status {{2,40}}= Not verified\s{{0,80}}\n\s{{0,8}}Hostname {{2,40}}= {_HOST}\s{{0,20}}$", re.M
)
_CERTIFICATES = re.compile(r"^\s{0,8}HOSTNAME\s{1,80}SOURCE\s{1,40}STATUS\b", re.M)
_UNVERIFIED_ROW = re.compile(rf"^\s{{0,8}}{_HOST}\s{{1,80}}(?:Fly|Custom|-)\s{{1,40}}Not verified\s{{0,80}}$", re.M)
_RULE = re.compile(r"[\s\-=+|:│┼─━┌┐└┘├┤┬┴]*\Z")
_NONE = re.compile(rf"No machines are available on this app (?P<app>{_NAME})\s*\Z")
_NO_ADDRESS = re.compile(
    rf"No public ipv4 or ipv6 ip addresses allocated to app (?P<app>{_NAME})|Your app has no public IP addresses\."
)
# `--json` of both: the newest release is the first of its list.
_RELEASE_JSON = re.compile(
    r'\[\s{0,20}\{\s{0,20}"ID"[^{}\n]{0,100}\n?\s{0,20}"Version"\s{0,9}:\s{0,9}(?P<version>\d{1,7}),'
    r'(?:[^{}\n]{0,300}\n){0,6}[^{}\n]{0,600}?"Status"\s{0,9}:\s{0,9}"(?P<status>[a-z]{3,20})"'
)
_GROUP_JSON = re.compile(
    r'"Process"\s{0,9}:\s{0,9}"[\w-]{1,63}",\s{0,40}"Count"\s{0,9}:\s{0,9}(?P<count>\d{1,6}),\s{0,40}"CPUKind"'
)


@reads("fly releases")
def releases(text: PastedText) -> Iterator[Found]:
    """The newest release, if it failed. Of a list without its head the newest may be missing."""
    told = [(m, line) for lines in _tables(text.lines, _RELEASES, _RELEASE) for m, line in lines]
    listed = None if told else _RELEASE_JSON.search(text.text)
    told += [(listed, f"v{listed['version']} {listed['status']}")] if listed else []
    newest = max(told, key=lambda row: int(row[0]["version"]), default=None)
    if newest and newest[0]["status"] == "failed":
        yield Found(tells=(AppFinding.RELEASE_FAILED, _shown(newest[1])))


@reads("fly scale show")
def scale_show(text: PastedText) -> Iterator[Found]:
    """An app whose groups have no machine; flyctl lists an empty group until it is forgotten."""
    told = [m for lines in _tables(text.lines, _GROUPS, _GROUP) for m, _ in lines]
    told += list(_GROUP_JSON.finditer(text.text))[:_MAX_ROWS]
    if told and all(int(m["count"]) == 0 for m in told):
        yield Found(tells=(AppFinding.NO_MACHINES, "COUNT 0"))


@reads("fly machine list of an app without machines")
def no_machines(text: PastedText) -> Iterator[Found]:
    for line in text.lines if "No machines are available on this app" in text.text else ():
        if found := _NONE.search(line):
            yield Found(app=found["app"], tells=(AppFinding.NO_MACHINES, _shown(found[0])))
            return


@reads("an app without public addresses")
def no_address(text: PastedText) -> Iterator[Found]:
    """`fly doctor` and `fly certs add` look for them."""
    if found := _NO_ADDRESS.search(text.text):
        yield Found(app=found["app"] or "", tells=(AppFinding.NO_ADDRESS, _shown(found[0])))


@reads("fly certs")
def certificates(text: PastedText) -> Iterator[Found]:
    """A certificate whose hostname's records do not prove it: `fly certs show` and `check`, and a row of `list`."""
    if "Not verified" not in text.text:
        return
    listed = _CERTIFICATES.search(text.text)
    shown = _UNVERIFIED.search(text.text) or (_UNVERIFIED_ROW.search(text.text, listed.end()) if listed else None)
    if shown:
        yield Found(tells=(AppFinding.CERTIFICATE_UNVERIFIED, f"{shown['host']}: Not verified"))


def _tables(lines: list[str], head: re.Pattern[str], row: re.Pattern[str]) -> Iterator[list[tuple[re.Match[str], str]]]:
    """The rows below each head, with their lines."""
    for number, line in enumerate(lines):
        if not head.match(line):
            continue
        rows: list[tuple[re.Match[str], str]] = []
        for below in lines[number + 1 : number + 1 + _MAX_ROWS]:
            if found := row.match(below):
                rows.append((found, below))
            elif not _RULE.match(below) or not below.strip():
                break
        yield rows


def _shown(line: str) -> str:
    return " ".join(line.split())[:_MOST_TEXT]
