"""Masking for other programs: the rules of the runbooks, without a run.

    from runbooks.redaction import redact_text, redact_value

Each call begins anew: the first token of a text is `#1`, whatever an earlier call saw. Names of keys in
`RUNBOOKS_REDACT_ALLOW` (separated by commas) stay readable in structured values.
"""

from __future__ import annotations

from typing import Any

from runbooks.evidence.redaction import Redactor


def redact_text(text: str) -> str:
    """Return the text with each secret replaced by a placeholder such as `<secret:fly-token#1>`."""
    return Redactor().text(text)


def redact_value(value: Any) -> Any:
    """Return a JSON-like value (maps, lists, texts, numbers) with its secrets replaced; the argument is not changed."""
    return Redactor().value(value)
