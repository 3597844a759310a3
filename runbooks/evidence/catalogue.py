"""The questions a runbook asks the world, each with the number its footnotes carry.

Numbers are fixed for ever: a facet that is not asked leaves a gap, it does not shift the others.
A repeated or second look at the same facet is E03b, E03c.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Facet:
    """One question asked of the world. `kept` is how long its source keeps things, None if nobody says."""

    number: str
    name: str
    question: str
    lives_for: str
    kept: timedelta | None = None


_ROWS = (
    ("token", "What may this token see?", "until it expires or is revoked"),
    ("app", "Does the app exist, and in which organisation?", "while the app exists"),
    ("machine", "What does the API say about this machine?", "unknown once destroyed: 404 soon after"),
    ("events", "What happened to this machine?", "unknown once destroyed: collected early"),
    ("list", "Which machines does the app list?", "while they exist"),
    ("list-deleted", "Which machines does the app list, destroyed ones included?", "not documented"),
    ("logs", "What did this machine print?", "about 7 days"),
    ("organisation", "Is the machine in another app of the organisation?", "while it exists"),
    ("image-believed", "Does the image the caller believes it asked for exist?", "not documented"),
    ("image-ran", "What is the image the machine really ran?", "not documented"),
    ("addresses", "Has the app any public address?", "while the app exists"),
    ("dns-app", "Does the app's own hostname resolve?", "while the app exists"),
    ("dns-believed", "Does the hostname the caller believes in resolve?", "at any time"),
    ("record", "What does the caller's database say?", "as long as the row is kept"),
    ("record-events", "What did the caller write about this machine?", "as long as rows are kept"),
    ("status", "Does Fly report an incident?", "weeks"),
    ("edge-believed", "Does the URL the caller believes in answer?", "at any time"),
    ("edge-app", "Does the app's own URL answer for this machine?", "while the machine lives"),
    ("caller", "What was the caller told, and what did it say?", "as long as its log is kept"),
    ("function-secrets", "Which image do the caller's function secrets name?", "as they are now"),
    ("function-log", "What did the caller's function print?", "1 to 90 days, by the plan"),
    ("token-inside", "What does the token say about itself?", "as long as it is kept"),
)

_KEPT = {"logs": timedelta(days=7)}
"""How long a source keeps things, where somebody documents it (facts §8.1)."""

FACETS: dict[str, Facet] = {
    name: Facet(f"E{position:02d}", name, question, lives_for, _KEPT.get(name))
    for position, (name, question, lives_for) in enumerate(_ROWS, start=1)
}

OCCASIONAL = frozenset({"function-secrets", "function-log", "token-inside"})
"""Asked only where there is something to ask with: a personal access token, a token that speaks about itself."""
