"""Fly's regions, past and present."""

from __future__ import annotations

REGIONS = frozenset(
    (
        *("ams", "arn", "atl", "bog", "bom", "bos", "cdg", "den", "dfw", "ewr", "eze", "fra", "gdl", "gig", "gru"),
        *("hkg", "iad", "jnb", "lax", "lhr", "mad", "mia", "nrt", "ord", "otp", "phx", "qro", "scl", "sea", "sin"),
        *("sjc", "syd", "waw", "yul", "yyz"),
    )
)
