"""What is secret by its position: a column of an INSERT, a value in a Secret of Kubernetes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbooks.evidence.redaction.names import Strength, strength_of
from runbooks.evidence.redaction.prepared import Prepared

_INSERT = re.compile(
    r"(?i:into|copy)\s{1,8}[\w.\"`]{1,128}\s{0,8}\((?P<columns>[\w\s,.\"`]{1,2000})\)\s{0,8}(?i:values)\s{0,8}(?=\()"
)
_ROW = re.compile(r"[\s,]{0,8}\((?P<values>(?:[^'()\0]|'(?:[^'\0]|''){0,4000}'){1,8000})\)")
_VALUE = re.compile(r"(?:'(?P<secret>(?:[^']|'')*)'|[^,'])+")
_SECRET = re.compile(r"(?i)kind[\"']?:[ \t]{0,8}[\"']?secret\b")
_DATA = re.compile(r"^(?P<indent>[ \t]{0,8})(?:data|stringData):[ \t]*$", re.MULTILINE)
_ENTRY = re.compile(
    r"[ \t]{1,16}(?:#[^\n]*|[\w.-]{1,128}:(?:[ \t]{0,8}[|>][+-]?\s{1,40})?[ \t]*(?P<secret>[^\n\0]*))(?:\n|$)"
)
_SENSITIVE = re.compile(
    r"\"sensitive\"\s{0,8}:\s{0,8}true\s{0,40},\s{0,40}(?:\"type\"\s{0,8}:\s{0,8}\"\w{1,20}\"\s{0,40},\s{0,40})?"
    r"\"value\"\s{0,8}:\s{0,8}\"(?P<secret>(?:[^\"\\\0]|\\.){1,8000})"
)
_NEAR = 2_000


def positioned_spans(prepared: Prepared) -> Iterator[tuple[int, int]]:
    """Where values stand whose column or block says that they are secret."""
    text = prepared.text
    here = prepared.having(("values", "secret", "data:", '"sensitive"'))
    if '"sensitive"' in here:
        for told in filter(None, (_SENSITIVE.match(text, at) for at in prepared.places(('"sensitive"',)))):
            yield told.span("secret")
    if "values" in here:
        for at in prepared.places(("into ", "copy ")):
            if insert := _INSERT.match(text, at):
                yield from _inserted(text, insert)
    if "secret" in here and "data:" in here:
        for kind in filter(None, (_SECRET.match(text, at) for at in prepared.places(("kind",)))):
            for data in _DATA.finditer(text, max(0, kind.start() - _NEAR), kind.end() + _NEAR):
                at = data.end() + 1
                while entry := _ENTRY.match(text, at):
                    if entry["secret"]:
                        yield entry.span("secret")
                    at = entry.end()


def _inserted(text: str, insert: re.Match[str]) -> Iterator[tuple[int, int]]:
    columns = [strength_of(name.strip(' \t\n"`')) is Strength.STRONG for name in insert["columns"].split(",")]
    at = insert.end()
    while any(columns) and (row := _ROW.match(text, at)):
        values = _VALUE.finditer(text, *row.span("values"))
        for secret, value in zip(columns, values, strict=False):
            if secret and value["secret"]:
                yield value.span("secret")
        at = row.end()
