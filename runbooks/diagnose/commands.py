"""Commands that a reader can paste: an incident's names filled in, each as one inert word of the shell.

The names come from logs, rows and answers that strangers write. One that no program would take for a value
(it looks like an option, holds control characters, or has no end) is left to be filled in by hand.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote

from runbooks.diagnose.model import Remedy

PLAIN = ("variables", "settings", "set_secrets", "guest", "upgrade")
"""Names whose value is shell text already."""
UNKNOWN = {
    **dict.fromkeys(
        ("variables", "masked", "near", "fresh", "heard", "heavy", "then", "again", "right", "network"), ""
    ),
    **dict.fromkeys(("seen", "guest", "short_name", "what", "limit", "upgrade"), ""),
    "correct": "Correct the request",
    **dict.fromkeys(("live_id", "right_id", "holder"), "MACHINE_ID"),
    **dict.fromkeys(("believed", "tagged"), "IMAGE"),
    "apply": "Set",
    "from_shell": " The command takes the value from your shell: set it there first.",
    "kind": "connections or requests",
    "status": "with an error",
    "its_org": "ORG",
    "label": "TAG",
    "memory": "1024",
    "port": "INTERNAL_PORT",
    "settings": 'NAME="${NAME:?}"',
    "set_secrets": 'set NAME="${NAME:?}"',
    "wanted": "NAME",
}
"""What stands for a name that is not known, where that is not simply its capitals."""

MAKE_TOKEN = 'export FLY_API_TOKEN="$(fly tokens create readonly -o {org} -x 24h)"'  # noqa: S105  no secret
"""A token that reads the whole organisation for a day, and changes nothing."""
UPGRADE = (
    "curl -sSi --max-time 10 --http1.1 https://{app_host}/ -H fly-force-instance-id:{live_id} "
    "-H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' "
    "-H 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='"
)
"""Asks one machine of an app for a WebSocket: HTTP 101 means that it opens."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_LONGEST = 300
_MACHINES = "https://api.machines.dev/v1"
_LOGS = "https://api.fly.io/api/v1"


def filled(remedy: Remedy, names: Mapping[str, str]) -> Remedy:
    """The remedy with this incident's names in it."""
    return Remedy(sentence(remedy.title, names), sentence(remedy.why, names), lines(remedy.commands, names))


def lines(templates: Iterable[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """Commands with the names in them. A placeholder never stands between quotes: its value brings its own."""
    words = _Words(names)
    return tuple(template.format_map(words).rstrip() for template in templates)


def sentence(template: str, names: Mapping[str, str]) -> str:
    """Prose with the names in it; what stands between backticks may be a command, and is filled in as one."""
    if "{" not in template:
        return template.rstrip()
    told, words = _Names(names), _Words(names)
    parts = template.split("`")
    return "`".join(part.format_map(words if n % 2 else told) for n, part in enumerate(parts)).rstrip()


def settings(names: Iterable[str], option: str = "") -> str:
    """`NAME="${NAME:?}"` for each name that a shell takes for a variable: the reader's own, which must be set."""
    return " ".join(f'{option}{name}="${{{name}:?}}"' for name in names if _VARIABLE.fullmatch(name))


def machines_api(*path: str, query: str = "") -> str:
    """The curl call that asks the Machines API this by hand."""
    return f'curl -sS -H "Authorization: Bearer $FLY_API_TOKEN" "{_MACHINES}/{_below(*path)}{query}"'


def logs_api(app: str, machine: str) -> str:
    """The same for the log of one machine; that host wants a macaroon under the scheme FlyV1 (§1.1)."""
    header = '-H "Authorization: FlyV1 ${FLY_API_TOKEN#FlyV1 }"'
    return f'curl -sS {header} "{_LOGS}/{_below("apps", app, "logs")}?instance={_below(machine)}"'


class _Names(dict[str, str]):
    """A name that this incident does not know stands in capitals, to be filled in by hand."""

    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, key: str) -> str:
        return self._names.get(key) or UNKNOWN.get(key, key.upper())


class _Words(_Names):
    """The same for a command: each name as one word of the shell, made when a template asks for it."""

    def __missing__(self, key: str) -> str:
        value = self._names.get(key, "")
        if value and key in PLAIN:
            return value
        return _word(value) or UNKNOWN.get(key, key.upper())


@lru_cache(maxsize=2_000)
def _word(value: str) -> str:
    """The value as one word of the shell; "" where nobody could type it, or no program would take it for a value."""
    usable = 0 < len(value) <= _LONGEST and value.isprintable() and not value.startswith("-") and "`" not in value
    return shlex.quote(value) if usable else ""


def _below(*path: str) -> str:
    """Parts of an address, encoded: nothing in them means anything to a shell."""
    return "/".join(quote(part[:_LONGEST], safe="", errors="replace") for part in path)
