"""The corpus, and the harmless lines that stand elsewhere in the tests."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from runbooks.evidence.redaction import Redactor
from runbooks.simulator.scenario import FOLDER

HERE = Path(__file__).parent
TESTS = HERE.parent
_PLACEHOLDER = re.compile(r"<(?:secret:)?[a-z-]+#\d+>")


@dataclass(frozen=True)
class Row:
    """One text of the corpus with what is secret in it."""

    tool: str
    rule: str
    form: str
    positive: bool
    text: str
    secrets: tuple[str, ...]

    def masked(self) -> str:
        """The text as a fresh redactor leaves it."""
        if self.rule.startswith("json:"):
            return json.dumps(Redactor().value(json.loads(self.text)))
        return Redactor().text(self.text)

    def untouched(self) -> bool:
        """Is nothing masked?"""
        after = self.masked()
        return after == (json.dumps(json.loads(self.text)) if self.rule.startswith("json:") else self.text)

    def wholly_masked(self) -> bool:
        """Is no piece of a secret left, not even a part of six characters?"""
        after = _PLACEHOLDER.sub(" ", self.masked())
        for secret in self.secrets:
            inner = secret.strip(" \"'=:")
            pieces = {inner[at : at + 6] for at in range(max(1, len(inner) - 5))}
            around = self.text.replace(secret, " ")
            if any(piece in after and piece not in around for piece in pieces):
                return False
        return True


def corpus(path: Path = HERE / "corpus.json.gz") -> list[Row]:
    """All rows of the corpus."""
    return [
        Row(
            row["tool"],
            row["rule"],
            row["form"],
            row["positive"],
            row["text"],
            tuple(row["text"][a:b] for a, b in row["secrets"]),
        )
        for row in json.loads(gzip.decompress(path.read_bytes()))
    ]


def harmless_lines() -> list[str]:
    """Lines of the line tables, the incidents and the scenarios, which hold no secret but persons."""
    texts: list[str] = []
    for path in sorted((TESTS / "diagnose" / "lines").glob("*.yaml")):
        texts += _strings(yaml.safe_load(path.read_text()))
    for path in sorted((TESTS / "incidents" / "cases").glob("*.json")):
        texts += _strings(json.loads(path.read_text()))
    for path in sorted(FOLDER.glob("*.yaml")):
        texts += _strings(yaml.safe_load(path.read_text()))
    lines = (line for text in texts for line in text.splitlines())
    return [line for line in dict.fromkeys(lines) if line.strip() and len(line) < 2_000]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in ("env", "token", "tokens"):
                yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
