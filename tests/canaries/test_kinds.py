"""Each kind of secret in each spelling; ids, digests and ULIDs are none, whatever stands around them."""

from __future__ import annotations

import base64
import gzip
import html
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.evidence.redaction import Redactor, url_secrets

from .plant import LETTERS, jwt, macaroon, word

OPAQUE = word("opaque", 24)
UPPER = LETTERS[:26]
# (text, what may not be left of it, type)
KINDS = [
    (macaroon("kinds"), macaroon("kinds"), "fly-token"),
    (jwt("kinds"), word("kinds", 43), "jwt"),
    (f"AKIA{word('id', 16, UPPER)} {word('aws', 40)}", word("aws", 40), "aws-secret"),
    (f"AKIA{word('id', 16, UPPER)}", f"AKIA{word('id', 16, UPPER)}", "aws-key"),
    (f"sk_live_{OPAQUE}", OPAQUE, "stripe-key"),
    (f"rk_test_{OPAQUE}", OPAQUE, "opaque"),
    (f"xoxb-{OPAQUE}", OPAQUE, "opaque"),
    (f"https://hooks.slack.com/services/{OPAQUE}", OPAQUE, "webhook"),
    (f"npm_{OPAQUE}", OPAQUE, "opaque"),
    (f"sk-{OPAQUE}", OPAQUE, "opaque"),
    (f"sk-ant-api03-{OPAQUE}", OPAQUE, "opaque"),
    (f"glpat-{OPAQUE}", OPAQUE, "api-key"),
    (f"GOCSPX-{OPAQUE}", OPAQUE, "opaque"),
    (f"sbp_{OPAQUE}", OPAQUE, "supabase-key"),
    (f"github_pat_{OPAQUE}", OPAQUE, "github-token"),
    (f"postgres://app:{OPAQUE}@db/x", OPAQUE, "password"),
    (f"dial app:{OPAQUE}@db:5432/x", OPAQUE, "password"),
    (f"host=db password={OPAQUE} user=x", OPAQUE, "value"),
    (f"Server=db;Password={OPAQUE};Encrypt=true", OPAQUE, "value"),
    (f"password: {OPAQUE}", OPAQUE, "value"),
    (f"mysql --password {OPAQUE} x", OPAQUE, "value"),
    (f"x-api-key: {OPAQUE}", OPAQUE, "value"),
    (f"?a=b&access_token={OPAQUE}&c=d", OPAQUE, "value"),
    (f"Set-Cookie: sid={OPAQUE}; Path=/", OPAQUE, "cookie"),
    (f"Cookie: a=b; sid={OPAQUE}", OPAQUE, "cookie"),
    (f"Authorization: Token {OPAQUE}", OPAQUE, "authorization"),
]
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "in a sentence": lambda text: f"it said {text} and went on",
    "JSON in JSON": lambda text: json.dumps(json.dumps({"message": text})),
    "JSON escapes": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "one JSON escape": lambda text: text[:2] + "".join(f"\\u{ord(char):04x}" for char in text[2:3]) + text[3:],
    "slashes as PHP writes them": lambda text: text.replace("/", "\\/"),
    "URL": lambda text: "next=" + quote(text, safe=""),
    "URL twice": lambda text: "next=" + quote(quote(text, safe=""), safe=""),
    "entities": lambda text: "".join(f"&#x{ord(char):x};" for char in text),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs, behind a path": lambda text: "/v1/x/" + base64.urlsafe_b64encode(b"??" + text.encode()).decode(),
    "base64 twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "base64 of gzip": lambda text: base64.b64encode(gzip.compress(text.encode())).decode(),
    "hex": lambda text: "\\x" + text.encode().hex(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(("text", "secret", "kind"), KINDS)
def test_every_kind_is_masked_in_every_spelling(text: str, secret: str, kind: str, spelling: str) -> None:
    write = SPELLINGS[spelling]
    redactor = Redactor()
    masked = redactor.text(f"begin {write(text)} end")
    assert write(secret) not in masked
    assert secret not in masked
    assert masked.startswith("begin ")
    assert masked.endswith(" end")
    assert redactor.masked
    if spelling == "plain":
        assert kind in redactor.masked
    assert redactor.text(masked) == masked
    assert redactor.scan(masked) == []
    # A report writes it as HTML, where it has to stay as it is.
    assert Redactor().text(html.escape(masked)) == html.escape(masked)
    assert redactor.scan(html.escape(masked)) == []


def test_the_same_secret_has_the_same_name_in_every_escape() -> None:
    token = jwt("same")
    masked = Redactor().text(" ".join(SPELLINGS[name](token) for name in ("plain", "JSON escapes", "URL", "entities")))
    assert masked == "<secret:jwt#1> <secret:jwt#1> next=<secret:jwt#1> <secret:jwt#1>"


@pytest.mark.parametrize(
    "body",
    [
        {"dbPassword": OPAQUE},
        {"x-api-key": OPAQUE},
        {"X-Auth-Token": OPAQUE},
        {"env": {"deep": {"SOME_KEY": OPAQUE}}},
        {"config": {"Env": ["PATH=/bin", f"SOME_KEY={OPAQUE}"]}},
        {"cmd": ["serve", "--password", OPAQUE]},
        {"variables": [{"name": "DB_PASSWORD", "value": OPAQUE}]},
        {"headers": [{"name": "Authorization", "values": [OPAQUE]}]},
        {"credentials": {"secretAccessKey": OPAQUE}},
        {"secret": [OPAQUE]},
    ],
)
def test_names_give_values_away(body: dict[str, Any]) -> None:
    masked = Redactor().value(body)
    assert OPAQUE not in json.dumps(masked)
    assert Redactor().value(masked) == masked


KEPT = [
    "91850296bd4738",
    "01K6HC126R8M4Q7ZV2TBN9XWYD",
    "sha256:333dca442a2ffff6b588fcf4e56edecb4b244f0f3dab95879c0c0fbcc7a756c9",
    "registry.fly.io/vyx-app@sha256:333dca442a2ffff6b588fcf4e56edecb4b244f0f3dab95879c0c0fbcc7a756c9",
    "vyx-app:v1.2.3@sha256:333dca442a2ffff6b588fcf4e56edecb4b244f0f3dab95879c0c0fbcc7a756c9",
    "apps/vyx-app/machines/91850296bd4738/events",
    "next_token=1759374010000000000",
    "the secret is out, password: wrong",
    "SUPABASE_SERVICE_KEY is missing",
    "https://vyx.example/a%20b%2Fc?x=%22y%22",
    "\\u00e9t\\u00e9 \\u0041",
    "skill-sk-in-the-middle",
    "PWD=/app/data",
    "2025-10-02T03:00:11.702Z",
    "fdaa:0:3ec2:a7b:5bd4:9fa:e7b7:2",
]


@given(
    st.lists(st.sampled_from([text for text, _, _ in KINDS]), max_size=3), st.lists(st.sampled_from(KEPT), max_size=4)
)
def test_ids_digests_and_words_stay_among_secrets(secrets: list[str], kept: list[str]) -> None:
    lines = [line for pair in zip(kept, [*secrets, *[""] * len(kept)], strict=False) for line in pair]
    masked = Redactor().text("\n".join(lines))
    for text in kept:
        assert text in masked.splitlines()
    assert Redactor().text(masked) == masked


@given(
    st.recursive(
        st.none() | st.integers() | st.sampled_from([*(text for text, _, _ in KINDS), *KEPT]) | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["env", "Env", "name", "value", "secrets", "dbPassword", "x"]), inner, max_size=3
            )
        ),
        max_leaves=12,
    ),
    st.sampled_from([name for name in SPELLINGS if name != "plain"]),
)
def test_json_stays_json_in_every_spelling(body: Any, spelling: str) -> None:
    redactor = Redactor()
    masked = redactor.value(body)
    assert json.loads(json.dumps(masked)) == masked
    assert Redactor().value(masked) == masked
    text = json.dumps({"body": SPELLINGS[spelling](json.dumps(body)), "after": 1})
    assert list(json.loads(Redactor().text(text))) == ["body", "after"]


def test_the_secrets_of_an_address() -> None:
    assert url_secrets("postgresql://app:p%40ss@db/x?sslpassword=abc&sslmode=require") == ["p%40ss", "abc", "p@ss"]
    assert url_secrets("https://api.machines.dev") == []
    assert url_secrets("http://[broken") == []


SIZE = 1_000_000


@pytest.mark.parametrize(
    "piece",
    [
        "\\u0041",
        "%41",
        "&#65;",
        "\\/",
        "\x1b[0m",
        "a:1@",
        "--password ",
        "cookie: a=",
        "AKIAIOSFODNN7EXAMPLE ",
        "QUJD",
        "4a",
    ],
)
def test_a_megabyte_of_any_wrapping_takes_no_time_to_speak_of(piece: str) -> None:
    """Nothing is measured: what is quadratic in one of these would not come back at all."""
    Redactor().text(piece * (SIZE // len(piece)))
