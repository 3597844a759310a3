"""How much of other tools' test cases is masked, and how much that is harmless stays."""

from __future__ import annotations

import time

import pytest

from runbooks.evidence.redaction import Redactor
from runbooks.redaction import redact_text, redact_value
from tests.redaction.rows import (
    Row,
    corpus,
    harmless_lines,
    in_the_manner_of,
    of_scanners,
    of_scrubbers,
    random_tokens,
    unseen,
)


@pytest.mark.parametrize(("tool", "share"), [("gitleaks", 0.99), ("own", 0.99), ("detect-secrets", 0.95)])
def test_secrets_of_other_tools_are_masked_wholly(tool: str, share: float) -> None:
    rows = [row for row in corpus() if row.tool == tool and row.positive]
    left = [row.text for row in rows if not row.wholly_masked()]
    assert len(left) <= (1 - share) * len(rows), left


@pytest.mark.parametrize(("origin", "share"), [("provider", 0.99), ("everyday", 0.97)])
def test_secrets_of_forms_that_the_corpus_does_not_have_are_masked(origin: str, share: float) -> None:
    rows = [row for row in unseen() if row.tool == origin]
    assert len(rows) >= 400
    left = [row.text for row in rows if not row.wholly_masked()]
    assert len(left) <= (1 - share) * len(rows), left


@pytest.mark.parametrize(
    ("tool", "rows"), in_the_manner_of().items(), ids=lambda one: one if isinstance(one, str) else ""
)
def test_secrets_in_the_manner_of_other_scanners_are_masked(tool: str, rows: list[Row]) -> None:
    left = [row.text for row in rows if not row.wholly_masked()]
    assert len(left) <= 0.05 * len(rows), left


@pytest.mark.parametrize(
    ("half", "share", "harmless"),
    [("develop", 0.964, 1), ("held_back", 0.969, 2), ("later", 0.951, 0), ("members", 1.0, 0)],
)
def test_secrets_in_the_manner_of_scrubbers_of_logs_are_masked(half: str, share: float, harmless: int) -> None:
    rows = [row for every in of_scrubbers(half).values() for row in every]
    secret = [row for row in rows if row.positive]
    left = [row.text for row in secret if not row.wholly_masked()]
    assert len(left) <= (1 - share) * len(secret), left
    changed = [row.text for row in rows if not row.positive and not row.untouched()]
    assert len(changed) <= harmless, changed


@pytest.mark.parametrize(
    ("half", "left", "harmless"),
    [("develop", 1, 1), ("held_back", 4, 3), ("later", 2, 0), ("third", 0, 0), ("members", 1, 0)],
)
def test_secrets_in_the_manner_of_scanners_of_secrets_are_masked(half: str, left: int, harmless: int) -> None:
    rows = of_scanners(half)
    shown = [row.text for row in rows if row.positive and not row.wholly_masked()]
    assert len(shown) <= left, shown
    changed = [row.text for row in rows if not row.positive and not row.untouched()]
    assert len(changed) <= harmless, changed


def test_random_tokens_are_masked_wherever_they_stand() -> None:
    tokens = list(random_tokens())
    left = [text for _, text in tokens if Redactor().text(text) == text]
    assert len(left) <= 0.01 * len(tokens), left


def test_lines_of_fly_stay() -> None:
    rows = [row for row in corpus() if row.tool == "own" and not row.positive]
    changed = [row.text for row in rows if not row.untouched()]
    assert len(changed) <= 0.01 * len(rows), changed


def test_harmless_lines_stay() -> None:
    lines = harmless_lines()
    assert len(lines) >= 2_000
    changed = [line for line in lines if Redactor().text(line) != line]
    assert len(changed) <= 0.01 * len(lines), changed


def test_what_was_masked_stays_as_it_is() -> None:
    for row in corpus()[::7]:
        masked = row.masked()
        assert Redactor().text(masked) == masked


def test_each_call_begins_anew() -> None:
    assert redact_text("API_TOKEN=hunter2hunter") == redact_text("API_TOKEN=hunter2other")
    assert redact_value({"password": "hunter2", "n": 1}) == {"password": "<secret:value#1>", "n": 1}


def test_a_team_can_see_keys_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBOOKS_REDACT_ALLOW", "Sharding, plan")
    redactor = Redactor()
    masked = redactor.value({"env": {"SHARDING": "q8Zr2Lw9Tt", "PLAN": "gold", "OTHER": "q8Zr2Lw9Tt"}})
    assert masked == {"env": {"SHARDING": "q8Zr2Lw9Tt", "PLAN": "gold", "OTHER": "<secret:value#1>"}}
    assert {(hit.rule, hit.place) for hit in redactor.hits} >= {("allowed", "SHARDING"), ("allowed", "PLAN")}


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "password=",
            "token: '",
            "a.b-",
            "Aa1",
            "https://a:",
            "<xToken>",
            '"k":"',
            "-p ",
            "A-1-",
            " -u a -p ",
            " -A ",
        ),
        *("user a secret ", "key 7 ", "2 (a/", "login: a / ", '"tokens": {"a": "b", ', "name  password\n", "net use "),
        *("jwt.sign(a, ", "hmac('", "'passw').fill(", "auth=('a', ", "a.b(", ", a=b;"),
    ],
)
def test_twice_the_text_takes_twice_the_time(piece: str) -> None:
    def spent(size: int) -> float:
        begun = time.process_time()
        Redactor().text(piece * (size // len(piece)))
        return time.process_time() - begun

    assert spent(200_000) < 8 * max(0.05, spent(50_000))


def test_a_leaf_of_an_answer_is_masked_unless_its_key_or_shape_is_known() -> None:
    told = {
        "plan": "q8Zr2Lw9Tt",
        "blob": {"x": "hunter2", "list": ["Xy7Zr2Lw9T", "started"]},
        "same": "q8Zr2Lw9Tt",
        "empty": "",
        "note": "plan9 is full",
    }
    kept = {
        "state": "started",
        "InstanceID": "01J9ABCDEFGHJKMNPQRSTVWXYZ",
        "guest": {"cpu_kind": "shared", "size": "shared-cpu-1x", "cpus": 1, "gpu": False},
        "base": "node:20-alpine",
        "at": "2025-10-02T03:00:00Z",
        "where": "/app/dist/server.js:12",
        "link": "https://vyx.example/a",
        "host": "vyx.internal",
        "build": "sha256:" + "0a" * 32,
    }
    assert redact_value({**told, **kept}) == {
        "plan": "<secret:value#1>",
        "blob": {"x": "<secret:value#2>", "list": ["<secret:value#3>", "started"]},
        "same": "<secret:value#1>",
        "empty": "",
        "note": "plan9 is full",
        **kept,
    }
