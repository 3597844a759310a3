"""A stack trace on its own: what somebody copied of the program's output, without a line of the platform around it."""

from __future__ import annotations

import re

from runbooks.evidence.models import Caller, LogLine

_MAX_LINES = 400
_MAX_LINE = 8_000
_MAX_TEXT = 100_000
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:\d\d)? ")
# What a language prints before or inside of a trace.
_TRACE = re.compile(
    r"^\s{0,8}(?:Traceback \(most recent call last\):"
    r"|(?:goroutine \d{1,9} \[|panic: )"
    r"|thread '[^'\n]{1,60}'(?: \(\d{1,9}\))? panicked at "
    r"|Exception in thread \""
    r"|at [\w.$<>]{1,200} ?\([^()\n]{1,300}:\d{1,7}(?::\d{1,7})?\)$"
    r"|at (?:async )?(?:file://)?/[^\n]{1,300}:\d{1,7}:\d{1,7}$"
    r"|(?:from )?/[^\s:]{1,300}\.rb:\d{1,7}:in "
    r"|\*\* \((?:[A-Z]\w{0,40}\.?){1,5}\) )",
    re.M,
)
# A program that manages machines is the caller's own, and its trace is no output of the machine.
_CALLERS = re.compile(
    r"(?i)\bfly|fly[_.]|machines?\b|api\.machines|supabase\.co|functions/v1|https?://deno\.land|\bdeno\b"
)


def program_output(caller: Caller) -> tuple[LogLine, ...]:
    """The lines of a text that is nothing but a stack trace.

    Args:
        caller: the pasted text, as it was read

    Returns:
        its lines, without times; none where the text holds an answer, a refusal, or words of whoever manages machines
    """
    text = caller.pasted.plain
    if not text or len(text) > _MAX_TEXT or caller.is_answer or caller.pasted.forms or _CALLERS.search(text):
        return ()
    lines = [line for line in text.splitlines() if line.strip()]
    if all(_STAMP.match(line) for line in lines):
        lines = [_STAMP.sub("", line) for line in lines]
    if not lines or len(lines) > _MAX_LINES or not _TRACE.search("\n".join(lines)):
        return ()
    return tuple(LogLine(None, line[:_MAX_LINE]) for line in lines)
