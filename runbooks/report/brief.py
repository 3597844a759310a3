"""A run in a few lines of Markdown, from its summary.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbooks.diagnose.model import Owner
from runbooks.report import status, templating


def first_screen(summary: Mapping[str, Any]) -> str:
    """What the first screen of the report says: status, headline, root cause with its evidence, first action.

    Args:
        summary: a summary that fits its schema
    """
    words = status.words_of(summary)
    owner = status.OWNERS[Owner(summary["owner"])] if "owner" in summary else ""
    made = templating.module("summary.md.j2", summary=summary, words=words, owner=owner)
    return f"{templating.tidy(made.first_screen())}\n"
