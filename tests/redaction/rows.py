"""The corpus, and the harmless lines that stand elsewhere in the tests."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbooks.evidence.redaction import Redactor
from runbooks.simulator.scenario import FOLDER
from tests.slices import read_yaml

HERE = Path(__file__).parent
TESTS = HERE.parent
UNSEEN = HERE / "unseen"
_DRAWN = re.compile(r"‹(?:(?P<letters>[A-Za-z0-9]+-?):(?P<length>\d+)|(?P<shape>uuid|jwt))›")
_SECRET = re.compile(r"«(.*?)»", re.DOTALL)
_LETTERS = {
    "low": string.ascii_lowercase + string.digits,
    "low-": string.ascii_lowercase + string.digits + "_-",
    "UP": string.ascii_uppercase + string.digits,
    "alnum": string.ascii_letters + string.digits,
    "letters": string.ascii_letters,
    "digit": string.digits,
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "url": string.ascii_letters + string.digits + "_-",
    "b64": string.ascii_letters + string.digits + "+/",
    "base32": string.ascii_uppercase + "234567",
    "bech": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}
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


def unseen() -> list[Row]:
    """Texts of forms and providers that the corpus does not have: no rule was made with one of them in view.

    Their secrets are drawn here, so that no scanner finds one in the source; the same in each run.
    """
    texts = [("everyday", name, text) for name, text in read_yaml(UNSEEN / "texts.yaml").items()]
    forms = read_yaml(UNSEEN / "forms.yaml")
    for at, (name, token) in enumerate(read_yaml(UNSEEN / "providers.yaml").items()):
        for form in (forms[(at * 7 + step) % len(forms)] for step in range(0, len(forms), 5)):
            written = form.replace("{i}", name).replace("{I}", name.upper()).replace("{s}", f"«{token}»")
            texts.append(("provider", name, written))
    return [_drawn(*one) for one in texts]


def in_the_manner_of() -> dict[str, list[Row]]:
    """Texts of the kinds that other scanners have cases for, by scanner: each drawn five times."""
    kinds = read_yaml(UNSEEN / "tools.yaml")
    return {
        tool: [_drawn(tool, name, text + " " * more) for name, text in texts.items() for more in range(5)]
        for tool, texts in kinds.items()
    }


def of_scrubbers(half: str) -> dict[str, list[Row]]:
    """Texts of the kinds that scrubbers of logs and telemetry have cases for, by scrubber, and what has to stay."""
    return {
        suite: [
            _drawn(suite, "json:" if "values" in kind else kind, text, positive=not kind.startswith("harmless"))
            for kind, texts in kinds.items()
            for text in texts
        ]
        for suite, kinds in read_yaml(UNSEEN / "scrubbers" / f"{half}.yaml").items()
    }


def of_scanners(half: str) -> list[Row]:
    """Texts with a secret, and a harmless one beside each, after the kinds that scanners of secrets know."""
    return [
        _drawn("scanners", kind, text, positive="«" in text)
        for kind, pairs in read_yaml(UNSEEN / "scanners" / f"{half}.yaml").items()
        for pair in pairs
        for text in pair
    ]


def random_tokens() -> Iterator[tuple[str, str]]:
    """A kind of token, and one such: what keys, passwords and ids of sessions are made of, drawn."""
    for letters in ("alnum", "url", "b64", "low", "UP", "letters", "base32"):
        for length in (20, 24, 32, 40, 64):
            kind = f"‹{letters}:{length}›"
            for form in ("said {} here", "x={}", '{{"x":"{}"}}', "'{}',", "/a/{}/b"):
                for at in range(8):
                    yield kind, _drawn("token", kind, form.format(f"«{kind}»") + " " * at).text


def _drawn(tool: str, name: str, template: str, *, positive: bool = True) -> Row:
    chosen = random.Random(template)

    def letters(of: str, length: int) -> str:
        return "".join(chosen.choice(_LETTERS[of]) for _ in range(length))

    def draw(match: re.Match[str]) -> str:
        if match["shape"] == "uuid":
            return "-".join(letters("hex", length) for length in (8, 4, 4, 4, 12))
        if match["shape"] == "jwt":
            parts = (b'{"alg":"HS256","typ":"JWT"}', f'{{"sub":"{letters("hex", 24)}"}}'.encode())
            return ".".join(
                [*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), letters("url", 43)]
            )
        return letters(match["letters"], int(match["length"]))

    text = _DRAWN.sub(draw, template)
    secrets = tuple(_SECRET.findall(text))
    return Row(tool, name, template, positive, _SECRET.sub(r"\1", text), secrets)


def harmless_lines() -> list[str]:
    """Lines of the line tables, the incidents, the scenarios and of tools; they hold no secret but persons."""
    texts = [path.read_text() for path in sorted((HERE / "harmless").glob("*.txt"))]
    for path in sorted((TESTS / "diagnose" / "lines").glob("*.yaml")):
        texts += _strings(read_yaml(path))
    for path in sorted((TESTS / "incidents" / "cases").glob("*.json")):
        texts += _strings(json.loads(path.read_text()))
    for path in sorted(FOLDER.glob("*.yaml")):
        texts += _strings(read_yaml(path))
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
