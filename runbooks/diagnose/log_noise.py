"""What takes meaning away from a line, what says nothing, and lists that spread over several lines."""

from __future__ import annotations

import re

# Words in capitals that are no variables, wherever they stand.
NO_NAMES = frozenset(
    re.findall(
        r"\w+",
        """ERROR ERR FATAL WARN WARNING INFO DEBUG TRACE CRITICAL NOTICE NOTE MISSING REQUIRED UNDEFINED NULL TRUE FALSE
        NONE ENV VAR VARS JSON HTTP HTTPS URL URI API GET POST PUT PATCH DELETE HEAD OPTIONS AND THE NOT FOR SET ARE YOU
        MUST PLEASE SQL DNS TCP TLS SSL SSH UTC GMT CLI CONFIG""",
    )
)
# A program that says this about a variable goes on without it.
GOES_ON = (
    "optional",
    "using default",
    "defaulting",
    "default to",
    "the default",
    "by default",
    "default:",
    "fallback",
    "falling back",
    "fall back",
    "disabl",
    "skipp",
    "ignor",
    "warn",
    "⚠",
    "in-memory",
    "deprecat",
    "running without",
    "continuing",
    "will not be available",
    "won't be available",
    "will be unavailable",
    "to enable",
    "if you want",
    "not required",
    "no longer required",
    "using local",
    "feature flag",
    # names of the language, not of the environment
    "referenceerror",
    "nameerror",
)
# Words before an address that is not this program's own, or that it did not get.
NOT_LISTENING = (
    "connect",
    "fail",
    "waiting",
    "error",
    "cannot",
    "could not",
    "unable",
    "refused",
    "trying",
    "proxying to",
)
# Headings whose list of names stands on the lines below, with the number of lines to look at.
HEADINGS = (
    (
        re.compile(
            r"(?i)\b(?:missing|undefined|unset|invalid|not set)\b.{0,60}"
            r"\b(?:env|variable|secret|config).{0,60}:\W{0,6}$"
        ),
        20,
    ),
    (re.compile(r"\"received\": \"undefined\""), 3),
)
ITEM = re.compile(r"^\W{0,16}(?P<name>[A-Z][A-Z0-9_]{2,60}+)(?=\W{0,4}$|\s*[:(=–—-])")
_PROPERTIES = (
    "status(?:Code)?|method|url|request(?:Body)?|rawError|hostname|headers|config|response|digest|meta|clientVersion"
    "|severity|position|schema|table|column|constraint|file|line|routine|length"
)
_FRAME = re.compile(
    r"^\s*$|^\s+at\b|^\s{2,}File \"|^Node\.js v\d|^\s+[\^~]+\s*$|^[\s^~]+$|^\s*(?:at|from) \S.{0,300}:\d+"
    r"|^\s*\.\.\. ?\d* ?"
    r"|^\s+(?:[a-z_.]{1,30}:)?\S{1,200}:\d{1,6}:in |^goroutine \d|^\s+/\S{1,300}:\d{1,6}(?: \+0x|$)"
    r"|^\s+\(?[\w.~-]{1,60}\)? \S{1,200}\.exs?:\d"
    r"|^(?:npm (?:ERR!|error|notice|warn|info|verb)|error Command failed|info Visit https://yarnpkg|ELIFECYCLE"
    r"|\s*ELIFECYCLE)"
    r"|^note: run with `RUST_BACKTRACE|^exit status \d|^\s*[{}\[\]()]+;?,?\s*$|^\s*(?:code|errno|syscall"
    r"|requireStack|path|port|address): |^\s*--- End of "
    # what Node prints below an error: the properties of the object that was thrown
    rf"|^\s{{2,}}(?:{_PROPERTIES}): (?:.{{0,300}}[,{{\[]|'.{{0,300}}')\s*$"
    # where their indentation was lost, too, as far as no sentence stands there
    rf"|^(?:{_PROPERTIES}): (?:\S{{1,300}},|\w{{0,30}} ?[{{\[]|'https?://[^\s']*')\s*$"
)
_SHUTDOWN = re.compile(
    r"(?i)^\W{0,4}(?:\w{1,9}:\s{1,6}|\[[^\]]{1,60}\]\s?){0,3}(?:(?:received|got|caught"
    r"|handling) (?:signal )?(?:sig)?(?:int|term)|shutting down|shutdown|waiting for application shutdown"
    r"|application shutdown complete|finished server process|graceful|gracefully|goodbye|bye\b|exiting\b"
    r"|stopping\b|terminated$|worker exiting"
    r"|- (?:gracefully stopping|goodbye))"
)
# A shell or a package manager shows the command that it runs (`set -x`, wg-quick, npm, yarn).
ECHO = re.compile(r"^(?:\++|\[#\]|[>$]) (?=\S)")
# The line below is a piece of source.
_PLACE = re.compile(r"^\s{0,8}File \"|^(?:file://|/|node:)\S{1,300}:\d{1,6}$")


def tells_nothing(message: str, above: str = "") -> bool:
    """A frame of a stack or its source, a blank line, the noise of a package manager or of shutting down."""
    if message.startswith("  ") and _PLACE.search(above):
        return True
    return bool(_FRAME.search(message) or _SHUTDOWN.match(message))
