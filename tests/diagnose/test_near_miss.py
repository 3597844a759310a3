"""A setting that is required, and the one that was set in its place."""

from __future__ import annotations

import pytest

from runbooks.diagnose.near_miss import near_miss


@pytest.mark.parametrize(
    ("wanted", "sent", "meant"),
    [
        ("SUPABASE_KEY", ("SUPABASE_SERVICE_KEY", "PORT"), "SUPABASE_SERVICE_KEY"),
        ("SUPABASE_SERVICE_KEY", ("PORT", "SUPABASE_KEY"), "SUPABASE_KEY"),
        ("DATABASE_URL", ("DATABSE_URL",), "DATABSE_URL"),
        ("DATABASE_URL", ("REDIS_URL", "DATABASE_NAME"), ""),
        ("API_KEY", ("KEY",), ""),
        ("TOKEN", (), ""),
    ],
)
def test_one_word_more_or_less_or_one_letter_is_a_near_miss(wanted: str, sent: tuple[str, ...], meant: str) -> None:
    assert near_miss(wanted, sent) == meant
