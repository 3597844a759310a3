"""A setting that a program lacks is told whatever its name ends in; one that has a default, or is a metric, is not."""

from __future__ import annotations

import pytest

from runbooks.diagnose.program_patterns.required_settings import required_settings


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("DATABASE_URL is not set, 2 errors", "DATABASE_URL"),
        ("Error: DATABASE_URL is not set (1 error)", "DATABASE_URL"),
        ("API_TOKEN is undefined (12:5)", "API_TOKEN"),
        ("DATABASE_URL missing: 1", "DATABASE_URL"),
        ("STRIPE_KEY is not set (local)", "STRIPE_KEY"),
        ("SECRET_KEY not set, production stays down", "SECRET_KEY"),
        ("POOL_SIZE is not set (3 errors)", "POOL_SIZE"),
        ("environment variable LD_SDK_KEY is not set", "LD_SDK_KEY"),
        ("LC_API_TOKEN is not set", "LC_API_TOKEN"),
        ("fatal: environment variable BUNDLE_ID not set", "BUNDLE_ID"),
        ("environment variable OMP_STORE is not set", "OMP_STORE"),
        ("panic: WORKER_COUNT is not set", "WORKER_COUNT"),
        ("error: Uncaught (in promise) Error: OPEX_SECRET is not loaded", "OPEX_SECRET"),
        ("STRIPE_API_KEY could not be loaded from the environment", "STRIPE_API_KEY"),
        ("Error: environment variable NETWORK_NAME has not been loaded", "NETWORK_NAME"),
        ("fatal: DATABASE_URL is not readable", "DATABASE_URL"),
        ("Missing SESSION_TTL_SECONDS", "SESSION_TTL_SECONDS"),
    ],
)
def test_a_setting_that_lacks_is_told(line: str, name: str) -> None:
    assert required_settings(line) == (name,)


@pytest.mark.parametrize(
    "line",
    [
        "DATABASE_POOL_SIZE not set (10)",
        "LOG_LEVEL is not set: info",
        "DATABASE_URL is not set (sqlite)",
        "SENTRY_DSN not set (errors stay local)",
        "LD_PRELOAD is not set",
        "LC_ALL is not set",
        "BUNDLE_PATH is not set",
        "OMP_NUM_THREADS is not set",
        "HTTP_REQUESTS_TOTAL undefined",
        "metric JOBS_COUNT undefined",
        "SENTRY_DSN is not set, defaults loaded",
        "extension PG_TRGM is not loaded",
        "image HERO_BANNER could not be loaded",
    ],
)
def test_what_has_a_default_or_is_a_metric_is_not(line: str) -> None:
    assert required_settings(line) == ()
