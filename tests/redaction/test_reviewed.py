"""Values that look like something harmless, and names that look like values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runbooks.redaction import redact_text, redact_value


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("PASSWORD=x:/Kf93jd8sKQ", "Kf93jd8sKQ"),
        ("DB_PASSWORD=ab1.:/9xKfQ2", "9xKfQ2"),
        ("API_KEY=ENC[hunter2abcd9", "hunter2abcd9"),
        ("secret_vars=Sup3rS3cret!", "Sup3rS3cret"),
        ("DB_PASSWORD_ENCRYPTION=hunter2Kf9", "hunter2Kf9"),
        ("PASSWORD=!hunter2 x9", "hunter2"),
        ("password: !Kf93jd8s rest", "Kf93jd8s"),
        ("contact svn@corp.io:Thanks", "svn@corp.io"),
        ("not_public_key: A1b2C3d4A1b2C3d4A1b2C3d4A1b2C3d4A1b2C3d4abc=", "A1b2C3d4"),
        ("changed password to hunter2Kf9", "hunter2Kf9"),
    ],
)
def test_a_value_that_looks_like_something_else_is_masked(text: str, secret: str) -> None:
    assert secret not in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "git@github.com:org/repo.git",
        "LoadCredential=db_password:/etc/credstore/db",
        "password_encryption = scram-sha-256",
        "password to db1.internal is wrong",
        "password to PostgreSQL16 was refused",
        "Missing required secrets:\n  - sentry\n  - database",
    ],
)
def test_what_names_a_secret_stays(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "value",
    [
        {"init": {"cmd": ["secrets", "sync"]}},
        {"required": ["password", "email"]},
        {"secretEnvVars": ["PASSWORD", "PRIVATE_KEY"]},
    ],
)
def test_two_names_are_no_pair(value: Any) -> None:
    assert redact_value(value) == value


@pytest.mark.parametrize("beside", ["secret", "sensitive", "masked"])
def test_a_text_beside_a_typed_value_is_masked(beside: str) -> None:
    told = json.dumps(redact_value({"password": {beside: "hunter2", "value": "swordfish"}}))
    assert "hunter2" not in told
    assert "swordfish" not in told
    assert redact_value({"password": {beside: True, "value": "swordfish"}})["password"][beside] is True
