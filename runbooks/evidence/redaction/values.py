"""Structured values: what is masked unless its key or its shape is known as harmless."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from runbooks.evidence.redaction.allowed import (
    COMMANDS,
    COMMON,
    ENVIRONMENT,
    code_follows,
    harmless_field,
    harmless_key,
    harmless_leaf,
    harmless_shape,
)
from runbooks.evidence.redaction.assigned import is_nothing, is_secret_under
from runbooks.evidence.redaction.forms import kind_by_looks
from runbooks.evidence.redaction.names import Strength, names_a_secret, names_several, snake_case, strength_of
from runbooks.evidence.redaction.placeholders import PLACEHOLDER, PLACEHOLDERS, Placeholders

FIELD = re.compile(r"[A-Za-z_]{1,40}")
"""What is sure to be the name of a field."""
# What names a request, a commit or a content by hexadecimal digits.
_ID = re.compile(r"(?:^|_)(?:(?:trace|span|request|correlation)_?id|commit|revision|digest|etag|checksum)$")
_DIGITS = re.compile(r"[0-9a-f]{16,64}")
# A header whose name sounds like a person's, in a text.
_HEADER = re.compile(r"(?i)(?:^|[-_.])authorization$")
_SESSION = re.compile(r"(?i)sess|sid$|csrf|xsrf|auth|remember")
_USER_ID = re.compile(r"(?i)^user_?id$")
_ENV_NAME = re.compile(r"[^\s<>]{1,200}")
_VALUES = ("value", "values")
# What a map holds that says no more of a value than its type, as telemetry, document stores and XML are written.
_TYPED = frozenset({"stringValue", "string_value", "bytesValue", "intValue", "value", "S", "_", "#text", "$t"})
_TYPE = re.compile(
    r"(?i)(?:x[sd]{1,2}:)?(?:string|str|text|plain_?text|secret|secure_?string|password|token|api_?key|(?:un)?encrypted"
    r"|sensitive|hidden|bytes|binary|base64|int(?:eger)?|number|float|bool(?:ean)?|list|map|object|array|dynamic|env"
    r"|file|shared|static|opaque|bearer|basic|hash(?:ed)?|bcrypt|argon2(?:id)?|scrypt|s|b|n)"
)
_ABOUT = frozenset({"sensitive", "type", "secret", "masked"})
# What is written as a list of pairs; elsewhere two words are two names.
_PAIRS = frozenset({"headers", "query", "query_string", "params", "cookies", "form", "fields"})
_NAMED = ("name", "key", "header", "env_var", "variable")
# One line of a key that was printed line by line.
_KEY_LINE = re.compile(r"\s*(?=[A-Za-z0-9+/]{0,76}[A-Z+/])(?P<secret>[A-Za-z0-9+/]{8,76}={0,2})\s*")
_ENV_SECRET = re.compile(r"(?i)url|key|pass(?:$|_|code)|webhook|auth(?!or)|dsn|conn(?:ection)?_?str")


class ValueMask:
    """Masks one JSON-like value.

    Args:
        placeholders: what stands for the values that are masked
        text: masks a text, given with its place
        place: what the value is, for the count of what was masked
        shown: names under which nothing is masked, in lower case
        mapped: columns of a row that the settings name
    """

    def __init__(
        self,
        placeholders: Placeholders,
        text: Callable[[str, str], str],
        place: str,
        shown: Collection[str],
        mapped: Collection[str] = (),
    ) -> None:
        self._placeholders, self._text, self._place = placeholders, text, place
        self._shown, self._mapped = shown, mapped
        self._in_key = False  # between the first and the last line of a private key

    def value(self, value: Any, within: str) -> Any:
        """The value with its texts masked; `within` is the key it stands under."""
        if isinstance(value, Mapping):
            named = value.get("sensitive") is True or self._named(value, within)
            return {
                self._key(str(key)): self.forced(item, kind_by_looks, within)
                if named and key in _VALUES
                else self._entry(str(key), item, within)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return self._several(value, within)
        return self._line(value) if isinstance(value, str) else value

    def _several(self, values: list[Any] | tuple[Any, ...], within: str) -> list[Any]:
        """A list; `NAME=value` of an environment and what follows a `--password` are told by their neighbours."""
        pair = len(values) == 2 and all(isinstance(item, str) for item in values) and within.lower() not in COMMANDS
        if pair and self._is_pair(values[0], values[1], within):
            return [self._line(values[0]), self.forced(values[1], kind_by_looks, values[0])]
        masked: list[Any] = []
        flag = ""
        for item in values:
            if not isinstance(item, str):
                masked.append(self.value(item, within))
            elif flag and not item.startswith("-") and self._operand(flag, item, within):
                masked.append(self.forced(item, kind_by_looks, within))
            else:
                name, equals, rest = item.partition("=")
                told = equals and _ENV_NAME.fullmatch(name)
                inside = told and within.lower() in ENVIRONMENT and self._telling(name, rest, within)
                argument = told and name.startswith("-") and rest and self._operand(name, rest, within)
                if inside or argument:
                    masked.append(f"{self._text(name, self._place)}={self.forced(rest, kind_by_looks, within)}")
                elif snake_case(within) in COMMANDS or within.lower() in ENVIRONMENT:
                    masked.append(self._line(item))
                elif self._shows(within, item):
                    masked.append(self._leaf(item, within))
                else:
                    masked.append(self.forced(item, kind_by_looks, within))
            flag = item if isinstance(item, str) and item.startswith("-") and len(item) <= 100 else ""
        return masked

    def _is_pair(self, name: str, value: str, within: str) -> bool:
        """Is this a name that tells with its value: `["X-Api-Key", …]`? Two names are none."""
        if not _ENV_NAME.fullmatch(name) or name.startswith("-") or name.lower() in self._shown:
            return False
        told = strength_of(name) is Strength.STRONG or _HEADER.search(name) is not None
        word = value.isalpha() and value.islower() and snake_case(within) not in _PAIRS
        return told and strength_of(value) is Strength.NONE and not word

    def _operand(self, flag: str, value: str, within: str) -> bool:
        """Has what follows a flag to be masked? In a command line unless flag or shape are harmless."""
        name = flag.strip("-")
        if code_follows(flag) or "=" in flag or name.lower() in self._shown:
            return False
        if strength_of(name) is not Strength.NONE:
            return True
        if len(flag) == 2 and flag[1] not in "pauwkP" and re.fullmatch(r"[a-z_]{1,40}", value):
            return False
        strict = snake_case(within) in COMMANDS and not value.startswith(("/", "./"))
        return strict and len(name) > 0 and not (harmless_key(name) or harmless_shape(value) or _looks_named(value))

    def _leaf(self, item: str, key: str) -> str:
        """A text that may stay. What is left of a sentence beside a secret may be a token that may not."""
        if _DIGITS.fullmatch(item) and _ID.search(snake_case(key)) and not self._placeholders.known.name(item):
            return item
        masked = self._line(item)
        told = masked != item and not self._shows(key, masked)
        return str(self.forced(masked, kind_by_looks, key)) if told else masked

    def _line(self, text: str) -> str:
        """A text among others: a key that is printed line by line is in none of them as a whole."""
        if self._in_key and (line := _KEY_LINE.fullmatch(text)) and not COMMON.fullmatch(line["secret"]):
            return self._placeholders.mask("private-key", line["secret"], self._place)
        if "PRIVATE KEY" in text:
            self._in_key = text.rfind("-----BEGIN") > text.rfind("-----END")
        return self._text(text, self._place)

    def _named(self, value: Mapping[Any, Any], within: str) -> bool:
        """Is this `{"name": "API_KEY", "value": …}`, a name that tells beside its value?"""
        name = next((value[key] for key in _NAMED if isinstance(value.get(key), str)), None)
        if name is None or len(name) > 200 or PLACEHOLDERS.search(name) or not any(key in value for key in _VALUES):
            return False
        if within.lower() in ENVIRONMENT:
            return self._telling(name, next(str(value[key]) for key in _VALUES if key in value), within)
        if _HEADER.search(name):
            return True
        return strength_of(name) is Strength.STRONG or (strength_of(name) is Strength.WEAK and name.isupper())

    def _telling(self, name: str, value: str, within: str = "") -> bool:
        """Has the value under this name of an environment to be masked? Unless name or shape are harmless, yes."""
        if name.lower() in self._shown:
            self._placeholders.count("allowed", name)
            return False
        strength = strength_of(name)
        if within.lower() == "cookies" and _SESSION.search(name):
            return True
        if strength is not Strength.NONE or _ENV_SECRET.search(name):
            return True
        return not (harmless_key(name) or harmless_shape(value) or value in self._placeholders.spared)

    def _shows(self, key: str, item: str) -> bool:
        """May a text of an answer stay, as far as its key and its shape go?"""
        return (
            key in self._mapped
            or item in self._placeholders.spared
            or (harmless_leaf(key, item) and not is_secret_under(key, item))
        )

    def unmapped(self, name: str, item: str) -> bool:
        """Has a column that the settings do not name to be masked? Unless name, shape or prose are harmless."""
        prose = len(item.split()) > 1 or item[:1] in ("{", "[")
        return not prose and not item.isalpha() and "://" not in item and self._telling(name, item)

    def _key(self, key: str) -> str:
        """Keys are masked by their looks only: a known value that is also the name of a field must not rename it."""
        return key if FIELD.fullmatch(key) else self._text(key, self._place)

    def _entry(self, key: str, item: Any, within: str) -> Any:
        kind: Callable[[str], str] | None = None
        short = key[:200]
        inside = within.lower() in ENVIRONMENT
        if _USER_ID.match(short):
            kind = _user_id
        elif short.lower() in self._shown:
            self._placeholders.count("allowed", short)
            return item
        elif (
            strength_of(short) is Strength.STRONG
            or _HEADER.search(short)
            or (
                inside
                and (isinstance(item, str) or strength_of(short) is not Strength.NONE)
                and self._telling(short, str(item), within)
            )
            or (isinstance(item, str) and not inside and not self._shows(short, item))
        ):
            kind = kind_by_looks
        below = within if inside else key
        if kind is None and isinstance(item, str) and not inside:
            return self._leaf(item, short)
        return self.value(item, below) if kind is None else self.forced(item, kind, below)

    def forced(self, item: Any, kind: Callable[[str], str], key: str) -> Any:
        """Mask whatever stands under a key that tells: texts, numbers, and lists of them."""
        if isinstance(item, list | tuple):
            names = [isinstance(one, str) and names_a_secret(one) for one in item]
            return [one if named else self.forced(one, kind, key) for one, named in zip(item, names, strict=True)]
        if isinstance(item, Mapping) and any(key in _TYPED for key in item) and item.keys() <= _TYPED | _ABOUT:
            plain = {key for key, one in item.items() if isinstance(one, bool) or _is_type(key, one)} - _TYPED
            return {key: one if key in plain else self.forced(one, kind, key) for key, one in item.items()}
        if isinstance(item, Mapping) and names_several(key):
            return {
                self._key(str(name)): self.forced(one, kind, key)
                if isinstance(one, str) and not (harmless_field(str(name)) or is_nothing(one))
                else self._entry(str(name), one, key)
                for name, one in item.items()
            }
        if isinstance(item, bool) or not isinstance(item, str | int | float):
            return self.value(item, key)
        text = str(item)
        if not text or PLACEHOLDER.fullmatch(text):
            return item
        return self._placeholders.mask(kind(text), text, self._place)


def _is_type(key: str, value: Any) -> bool:
    """Does this say of what type the value beside it is?"""
    return key == "type" and isinstance(value, str) and _TYPE.fullmatch(value) is not None


def _looks_named(value: str) -> bool:
    """A module, a class, a script, a header: what a program is told to run or to say."""
    return " " in value or re.fullmatch(r"[A-Za-z_]\w{0,40}(?:[.:][A-Za-z_]\w{0,40}){1,8}", value) is not None


def _user_id(value: str) -> str:
    return "user-id"
