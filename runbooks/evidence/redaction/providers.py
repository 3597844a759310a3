"""Tokens of providers by their format: the patterns of detect-secrets' plugins, and a few that it does not know.

The patterns are taken as compiled by the library; its line engine is too slow for logs. Some of them are quadratic in
a long run of their own characters, so each is tried only near a literal that it needs, within a window.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from itertools import product, takewhile
from typing import NamedTuple

from detect_secrets import plugins
from detect_secrets.plugins.base import RegexBasedDetector

from runbooks.evidence.redaction.prepared import Prepared

# Addresses are evidence; keys are masked whole by our own rule, with their lines, and not by their first one; names
# are our own task; a password in a URL may hold characters that the plugin does not expect.
_UNUSED = {"base", "ip_public", "private_key", "keyword", "basic_auth", "high_entropy_strings"}
_KINDS = {"artifactory": "api-key", "aws": "aws-key", "jwt": "jwt", "github_token": "github-token", "npm": "npm-token"}
_KINDS |= {"slack": "slack-token", "stripe": "stripe-key"}
PROVIDER_KINDS = frozenset({"api-key", *_KINDS.values()})
# What each plugin needs to be in the text, in small letters unless it stands in capitals always; a plugin that is not
# here is tried on every line.
_NEEDS: dict[str, tuple[str, ...]] = {
    "artifactory": ("AKC", "AP"),
    "aws": ("akia", "asia", "a3t", "abia", "acca", "aws"),
    "azure_storage_key": ("accountkey=",),
    # "cl" alone is in every third line, and the name of the setting goes on without a gap.
    "cloudant": (
        "cloudant",
        *map("".join, product(("cl", "clou"), ("", "_", "-"), ("", "api"), ("key", "pw", "pass", "token"))),
    ),
    "discord": (".",),
    "github_token": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    "gitlab_token": (
        "glpat-",
        "gldt-",
        "glft-",
        "glsoat-",
        "glrt-",
        "gr1348941",
        "glcbt-",
        "glimt-",
        "glptt-",
        "glagent-",
        "gloas-",
    ),
    "ibm_cloud_iam": ("key", "pwd", "pass", "token"),
    "ibm_cos_hmac": ("key",),
    "jwt": ("eyj",),
    "mailchimp": ("-us",),
    "npm": ("_authtoken=",),
    "openai": ("t3blbkfj",),
    "pypi_token": ("pypi-",),
    "sendgrid": ("sg.",),
    "slack": ("xox", "hooks.slack.com"),
    "softlayer": ("sl", "softlayer"),
    "square_oauth": ("sq0csp-",),
    "stripe": ("k_live_",),
    "telegram_token": (":",),
    "twilio": ("AC", "SK"),
}
# The shortest unbroken run of letters, digits and +/_=- in a token of the plugin, where its literal is an everyday one:
# a line without such a run need not be looked at.
_RUNS = {
    "discord": 24,
    "ibm_cloud_iam": 44,
    "ibm_cos_hmac": 48,
    "softlayer": 64,
    "telegram_token": 35,
}
# A token is looked for this far around the literal. Longer ones are found by opacity.
_BEFORE, _BEHIND = 64, 1_200
# Every token of a provider is that long, but for a few that begin as no word does.
_LENGTH = 20
_SHORT = re.compile(r"A(?:KC[a-zA-Z0-9]|P[0-9A-F][a-zA-Z0-9]|3T|KIA|SIA)|xox[a-z]-")
_LONGEST_LINE = 4_000
_REST = re.compile(r"[A-Za-z0-9]+")


class Provider(NamedTuple):
    """A plugin: the kind of its tokens, what must stand in a line, how long a run must be, and the patterns."""

    kind: str
    needs: tuple[str, ...]
    run: int
    patterns: tuple[re.Pattern[str], ...]


@lru_cache(maxsize=1)
def imported() -> tuple[Provider, ...]:
    """Every plugin that is used."""
    found = []
    for module in pkgutil.iter_modules(plugins.__path__):
        if module.name in _UNUSED:
            continue
        loaded = importlib.import_module(f"detect_secrets.plugins.{module.name}")
        for detector in vars(loaded).values():
            if (
                isinstance(detector, type)
                and issubclass(detector, RegexBasedDetector)
                and detector.__module__ == loaded.__name__
            ):
                kind, needs = _KINDS.get(module.name, "api-key"), _NEEDS.get(module.name, ("",))
                found.append(Provider(kind, needs, _RUNS.get(module.name, 0), tuple(detector().denylist)))
    return tuple(found)


def provider_spans(prepared: Prepared) -> Iterator[tuple[int, int, str]]:
    """Where tokens of providers stand, with their kind."""
    text, done, ahead = prepared.text, 0, deque(prepared.runs)
    small, exact = _needs()
    needs = [need for need in exact if need in text] + prepared.having(small)
    candidates = [match.start() for match in _SHORT.finditer(text)]
    candidates += [at for start, end in ahead for at in range(start, end - _LENGTH + 1, _LONGEST_LINE)]
    for at in sorted(candidates):
        if at < done:
            continue
        begin = max(done, text.rfind("\n", 0, at) + 1, at - _LONGEST_LINE)
        end = text.find("\n", at)
        done = min(len(text) if end < 0 else end, at + 2 * _LONGEST_LINE)
        while ahead and ahead[0][1] <= begin:
            ahead.popleft()
        longest = max((end - start for start, end in takewhile(lambda run: run[0] < done, ahead)), default=0)  # noqa: B023
        for start, stop, kind in _in_line(text[begin:done], prepared.small[begin:done], needs, longest):
            yield begin + start, begin + stop, kind


@lru_cache(maxsize=1)
def _by_need() -> dict[str, list[Provider]]:
    found: dict[str, list[Provider]] = {}
    for provider in imported():
        for need in provider.needs:
            found.setdefault(need, []).append(provider)
    return found


@lru_cache(maxsize=1)
def _needs() -> tuple[list[str], list[str]]:
    """What is looked for in small letters, and what as it stands."""
    words = list(_by_need())
    return [word for word in words if word.islower()], [word for word in words if not word.islower()]


def _in_line(line: str, small: str, needs: list[str], longest: int) -> Iterator[tuple[int, int, str]]:
    by_need = _by_need()
    for need in needs:
        where = small if need.islower() else line
        for provider in by_need[need] if need in where else ():
            if provider.run > longest:
                continue
            for begin, window in _windows(line, where, need):
                for pattern in provider.patterns:
                    for match in pattern.finditer(window):
                        inner = provider.kind != "github-token" and pattern.groups == 1 and len(match[1] or "") > 9
                        start, end = match.span(1) if inner else match.span()
                        yield begin + start, begin + _whole(window, end), provider.kind


def _windows(line: str, where: str, need: str) -> Iterator[tuple[int, str]]:
    """The surroundings of the literal, each with its place."""
    at = where.find(need)
    while at >= 0:
        begin, free = max(0, at - _BEFORE), at + _BEHIND
        yield begin, line[begin : free + _BEHIND]
        at = where.find(need, free)


def _whole(text: str, end: int) -> int:
    """The end of the token: a pattern knows the shortest form of it."""
    rest = _REST.match(text, end)
    return rest.end() if rest and text[end - 1].isalnum() else end
