"""Secrets are masked whatever they look like, and nothing else is."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runbooks.evidence.redaction import Redactor, elements, strip_scheme, token_kind
from runbooks.evidence.redaction.redactor import _PLAIN

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJlLW1hZGUtdXA"
UUID = "63eea370-5c1d-4f0e-9b7a-2d64c80e9f13"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nAASCBKcwggSjAgEAAoIBAQ==\n-----END PRIVATE KEY-----"

# (text, the part that may not survive, the type of the placeholder)
PLANTED = [
    ("token fo1_bWFkZS11cC1vYXV0aC10b2tlbg", "fo1_bWFkZS11cC1vYXV0aC10b2tlbg", "fly-token"),
    ("fm1r_bWFkZS11cA==", "fm1r_bWFkZS11cA==", "fly-token"),
    ("fm1a_bWFkZS11cA==", "fm1a_bWFkZS11cA", "fly-token"),
    ("FlyV1 fm2_bWFk/ZS1+cA==,fm2_c2Vjb25k,fo1_dGhpcmQx", "c2Vjb25k", "fly-token"),
    ("FlyV1 fm2_bWFk/ZS1+cA==,fm2_c2Vjb25k,fo1_dGhpcmQx", "dGhpcmQx", "fly-token"),
    (f"key={JWT};", JWT, "jwt"),
    ("AIza8SyMq2-Lw9Tt4_Vx7Zr1Kd5Pn3Bc6Hj0Gf", "AIza8SyMq2", "api-key"),
    ("AIzaSyMADE-UP_for_the_tests_0000000000", "AIzaSyMADE", "api-key"),
    ("sbp_0123456789abcdef0123456789abcdef01234567", "sbp_0123", "supabase-key"),
    ("sb_secret_bWFkZS11cC1mb3ItdGVzdHM", "sb_secret_bWFk", "supabase-key"),
    ("id AKIAIOSFODNN7EXAMPLE.", "AKIAIOSFODNN7EXAMPLE", "aws-key"),
    ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "ghp_abc", "github-token"),
    ("github_pat_11AQ2Lw9T0xVr7Zk1d_Kq5Pn3Bc", "github_pat_11", "github-token"),
    ("github_pat_11ABCDEFG0abcdefghijkl_mnop", "github_pat_11", "github-token"),
    ("sk-proj-AbCdEfGhIjKlMnOpQrSt", "sk-proj-Ab", "opaque"),
    (PEM, "MIIEvQIBADANBgkqhkiG9w0BAQEF", "private-key"),
    (PEM.replace("PRIVATE KEY", "PGP PRIVATE KEY BLOCK"), "MIIEvQ", "private-key"),
    ("'" + PEM.replace("\n", "\\n' +\n  '") + "'", "AASCBKcwggSjAgEAAoIBAQ", "private-key"),
    ("postgresql://app:pa-55_word@db.example:5432/app", "pa-55_word", "password"),
    ("postgres://app:p@ss@db.example/app", "p@ss", "password"),
    ("postgres://app:pa/ss,w;ord@db.example/app", "pa/ss,w;ord", "password"),
    ("redis://:only-a-password@cache.example:6379", "only-a-password", "password"),
    ("Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop", "authorization"),
    ("authorization: FlyV1 opaque-0123456789abcdef", "opaque-0123456789abcdef", "authorization"),
    ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz", "authorization"),
    ("sent Bearer FlyV1 0123456789abcdefghij", "0123456789abcdefghij", "authorization"),
    ("eDpmbTJfYldGa1pTMTFjQQo=", "eDpmbTJfYldGa1pTMTFjQQ", "basic-auth"),
    ("DB_PASSWORD=hunter2", "hunter2", "value"),
    ("export API_KEY='two words, and more'", "two words, and more", "value"),
    ('{"SERVICE_TOKEN": "a\\"b\\\\c"}', 'a\\"b', "value"),
    ("{ MY_SECRET: 'x' }", "'x'", "value"),
    ("STRIPE_SECRET_KEY: rk-9xk2m1q8", "rk-9xk2m1q8", "value"),
    ('{"log":"{\\"API_KEY\\":\\"hunter2hunter\\"}"}', "hunter2hunter", "value"),
    ("API_KEY: &#39;hunter2hunter&#39;", "hunter2hunter", "value"),
    ("{ apiKey: 'hunter2-camel' }", "hunter2-camel", "value"),
    ('{"password":"hunter2"}', "hunter2", "value"),
    ('{"access_token": "opaque"}', "opaque", "value"),
    ("wss://vyx.example/ws?room=1&token=hunter2hunter", "hunter2hunter", "value"),
    ("https://blobs.example/x?X-Amz-Credential=abc&X-Amz-Signature=0a1b2c3d4e", "0a1b2c3d4e", "value"),
    (f"userId: '{UUID}'", UUID, "user-id"),
    (f"user_id={UUID}", UUID, "user-id"),
    ('{"userId": "auth0|5f7c8ec7"}', "auth0|5f7c8ec7", "user-id"),
    (f"rest/v1/rows?user_id=eq.{UUID}", UUID, "user-id"),
    ("nadia.okafor+fly@vyx.example", "nadia.okafor", "email"),
    ("mailto:nadia@vyx.example", "nadia@vyx", "email"),
    ("?email=nadia%40vyx.example", "nadia%40vyx", "email"),
]


@pytest.mark.parametrize(("text", "secret", "kind"), PLANTED)
def test_planted_values_are_masked_with_their_type(text: str, secret: str, kind: str) -> None:
    redactor = Redactor()
    masked = redactor.text(text, "here")
    assert secret not in masked
    assert re.search(rf"<(secret:)?{kind}#1>", masked)
    assert kind in {hit.rule for hit in redactor.hits}
    assert all(hit.place == "here" for hit in redactor.hits)
    assert redactor.text(masked) == masked


@pytest.mark.parametrize(("text", "secret", "kind"), PLANTED)
def test_planted_values_are_masked_inside_of_json(text: str, secret: str, kind: str) -> None:
    body = {"logs": [{"message": f"at start: {text}"}, {"message": "nothing"}]}
    masked = Redactor().value(body)
    assert secret not in str(masked)
    assert len(masked["logs"]) == 2
    assert masked["logs"][1] == {"message": "nothing"}


KEPT = [
    "91850296bd4738",
    "9185029e602738",
    "01K6HC126R8M4Q7ZV2TBN9XWYD",
    "01JNRQ9VVKJ7HZFMJWJB3M3RYN-yyz",
    "sha256:333dca442a2ffff6b588fcf4e56edecb4b244f0f3dab95879c0c0fbcc7a756c9",
    "registry.fly.io/vyx-app:deployment-01K6HC126R8M4Q7ZV2TBN9XWYD",
    "registry.fly.io/vyx-app@sha256:333dca442a2ffff6b588fcf4e56edecb4b244f0f3dab95879c0c0fbcc7a756c9",
    "registry.fly.io/vyx-app:v1.2@sha256:333dca442a2ffff6b588fcf4e56edecb4b244f0f3dab95879c0c0fbcc7a756c9",
    "https://api.machines.dev/v1/apps/vyx-app/machines/91850296bd4738/events?limit=50",
    "https://api.fly.io/api/v1/apps/vyx-app/logs?instance=91850296bd4738&next_token=1759374010000000000",
    '{"meta": {"next_token": "1759374010000000000"}}',
    "wss://vyx-63eea370.fly.dev:8080/ws?room=1",
    "http://127.0.0.1:5000,ghcr.io=http://127.0.0.1:5001/a@b",
    "fly secrets set SUPABASE_SERVICE_KEY=$VALUE -a vyx-app",
    'fly secrets set SUPABASE_SERVICE_KEY="$VALUE" -a vyx-app',
    'fly secrets set SUPABASE_SERVICE_KEY="${VALUE:?}" -a vyx-app',
    'curl -sS -H "Authorization: Bearer $FLY_API_TOKEN" https://api.machines.dev/v1/apps/vyx-app',
    'curl -sS -H "Authorization: FlyV1 ${FLY_API_TOKEN#FlyV1 }" https://api.fly.io/api/v1/apps/vyx-app/logs',
    'export FLY_API_TOKEN="$(fly tokens create readonly -o vyx -x 24h)"',
    "headers: { 'Authorization': `Bearer ${flyToken}` }",
    "Missing required environment variables: SUPABASE_SERVICE_KEY",
    "SUPABASE_SERVICE_KEY=undefined",
    "SUPABASE_SERVICE_KEY: not set",
    "GEMINI_API_KEY: ''",
    "Authenticate: token validation error",
    "Basic authentication is required here",
    "node@20.18.0 and my-app@1.0.0",
    "[fdaa:0:3ec2:a7b:5bd4:9fa:e7b7:2]:8080",
    "<empty>",
    "",
]


@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_secret_stays(text: str) -> None:
    redactor = Redactor()
    assert redactor.text(text) == text
    assert redactor.text(html.escape(text)) == html.escape(text)
    assert redactor.text(json.dumps({"text": text})) == json.dumps({"text": text})
    assert redactor.hits == []


def test_placeholders_are_stable_and_different_for_different_values() -> None:
    redactor = Redactor()
    first, second = "fm2_Zmlyc3QgdG9rZW4", "fm2_c2Vjb25kIHRva2Vu"
    masked = redactor.text(f"{first} {second} {first}")
    assert masked == "<secret:fly-token#1> <secret:fly-token#2> <secret:fly-token#1>"
    assert redactor.text(second) == "<secret:fly-token#2>"
    assert redactor.masked == {"fly-token": 2}


def test_a_short_value_has_one_placeholder_too_but_is_not_erased_elsewhere() -> None:
    redactor = Redactor()
    masked = redactor.value({"env": {"A_KEY": "abc", "B_KEY": "abc", "NAME": "abc"}})
    assert masked == {"env": {"A_KEY": "<secret:value#1>", "B_KEY": "<secret:value#1>", "NAME": "abc"}}
    assert redactor.masked == {"value": 1}


def test_an_env_map_is_masked_by_its_keys_and_empty_stays_empty() -> None:
    masked = Redactor().value(
        {
            "config": {
                "env": {
                    "SUPABASE_URL": "https://ref.supabase.co",
                    "USER_ID": UUID,
                    "LIBRARY_CREDENTIAL": "xyzzy plugh",
                    "GEMINI_API_KEY": "",
                    "CPU_PRIORITY": "normal",
                    "OPAQUE_TOKEN": JWT,
                },
                "processes": [{"env": {"SOME_SECRET": "s"}}],
                "files": [{"guest_path": "/etc/x", "raw_value": "c2VjcmV0"}],
            }
        }
    )
    env = masked["config"]["env"]
    assert env["GEMINI_API_KEY"] == ""
    assert env["CPU_PRIORITY"] == "normal"
    assert env["USER_ID"] == "<user-id#1>"
    assert env["OPAQUE_TOKEN"] == "<secret:jwt#1>"
    assert env["SUPABASE_URL"].startswith("<secret:value#")
    assert env["LIBRARY_CREDENTIAL"].startswith("<secret:value#")
    assert masked["config"]["processes"][0]["env"]["SOME_SECRET"].startswith("<secret:value#")
    assert masked["config"]["files"][0] == {
        "guest_path": "/etc/x",
        "raw_value": masked["config"]["files"][0]["raw_value"],
    }
    assert "c2VjcmV0" not in str(masked)


def test_numbers_and_lists_under_a_telling_key_are_masked() -> None:
    masked = Redactor().value({"password": 12345678, "user_id": 42, "secret": ["one", "two"], "oom_killed": True})
    assert "12345678" not in str(masked)
    assert masked["user_id"] == "<user-id#1>"
    assert len(masked["secret"]) == 2
    assert "one" not in str(masked["secret"])
    assert masked["oom_killed"] is True


def test_what_is_learned_late_is_masked_where_it_stood_early() -> None:
    text = f"user {UUID} logged in, row is {{ user_id: '{UUID}' }}"
    assert UUID not in Redactor().text(text)
    body = {"line": "connected with hunter2-of-the-day", "env": {"DB_PASSWORD": "hunter2-of-the-day"}}
    assert "hunter2" not in str(Redactor().value(body))


def test_known_values_are_replaced_longest_first_and_in_every_spelling() -> None:
    redactor = Redactor()
    redactor.add_secret("opaque-token", "fly-token")
    redactor.add_secret('opaque-token-and"more', "fly-token")
    assert "more" not in redactor.text('the opaque-token-and"more is sent')
    assert "more" not in redactor.text(json.dumps({"x": 'opaque-token-and"more'}))
    assert "more" not in redactor.text(html.escape('opaque-token-and"more'))
    redactor.add_secret("short", "fly-token")
    assert redactor.text("short") == "short"


def test_a_secret_that_is_called_like_a_type_does_not_eat_the_placeholders() -> None:
    redactor = Redactor()
    redactor.add_secret("fly-token", "value")
    masked = redactor.text("fm2_bWFkZS11cA and fly-token")
    assert masked == "<secret:fly-token#1> and <secret:value#1>"
    assert redactor.text(masked) == masked
    assert redactor.text(html.escape(masked)) == html.escape(masked)


@pytest.mark.parametrize(
    "common",
    ["91850296bd4738", "https://api.fly.io", "destroyed", "registry.fly.io/vyx-app:latest", "vyx-application"],
)
def test_evidence_is_not_erased_because_it_also_stands_under_a_telling_name(common: str) -> None:
    """An env `X_TOKEN=destroyed` is masked, but no machine loses its state by it."""
    redactor = Redactor()
    redactor.allow("vyx-application")
    masked = redactor.value({"state": common, "config": {"env": {"X_TOKEN": common}}})
    assert masked["state"] == common
    assert masked["config"]["env"]["X_TOKEN"] == "<secret:value#1>"


def test_keys_keep_their_names_even_if_a_known_value_is_spelled_alike() -> None:
    redactor = Redactor()
    redactor.add_secret("timestamp", "value")
    assert redactor.value({"timestamp": "timestamp", JWT: 1}) == {"timestamp": "<secret:value#1>", "<secret:jwt#1>": 1}


def test_the_scan_finds_what_is_left_and_changes_nothing() -> None:
    redactor = Redactor()
    redactor.add_secret("opaque-token-1", "fly-token")
    before = (redactor.hits, redactor.masked)
    hits = redactor.scan(f"opaque-token-1 {JWT} nadia@vyx.example")
    assert {hit.rule for hit in hits} == {"fly-token", "jwt", "email"}
    assert JWT not in repr(hits)
    assert (redactor.hits, redactor.masked) == before
    assert redactor.scan("nothing to see") == []


def test_half_a_character_becomes_one_that_can_be_written() -> None:
    assert Redactor().text("a\ud800b\U0001f600").encode() == "a\ufffdb\U0001f600".encode()


def test_kinds_of_tokens() -> None:
    assert token_kind("") == "none"
    assert token_kind("Bearer FlyV1 fm2_abc,fm2_def") == "macaroon"
    assert token_kind("fo1_abc,fm2_def") == "macaroon"
    assert token_kind("fm1r_abc") == "macaroon"
    assert token_kind("fo1_abc") == "oauth"
    assert token_kind("something") == "unknown"
    assert strip_scheme("  bearer FlyV1 FLYV1 fm2_a ") == "fm2_a"
    assert list(elements("FlyV1 fm2_a, fm2_b,,")) == ["fm2_a", "fm2_b"]


# Properties.

fragments = st.one_of(
    st.sampled_from([text for text, _, _ in PLANTED]),
    st.sampled_from([text for text in KEPT if text]),
    st.sampled_from(["<secret:value#1>", "KEY", "TOKEN=", "password: '", '"', "'", "\\", "://", "@", "\n", "&quot;"]),
    st.text(max_size=12),
)
texts = st.lists(fragments, max_size=8).map("".join)
keys = st.sampled_from(["env", "id", "state", "API_KEY", "password", "user_id", "image", "nested", "message"])
bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(texts)
def test_redacting_twice_changes_nothing(text: str) -> None:
    redactor = Redactor()
    once = redactor.text(text)
    assert redactor.text(once) == once
    assert Redactor().text(once) == once


def shape(value: Any) -> Any:
    """A body without its values: maps with their keys, lists with their lengths, and what is there at all."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return None if value is None else bool(value) if isinstance(value, bool | str) else "value"


def without_masked_numbers(before: Any, after: Any) -> Any:
    """Numbers under a telling key become text: that is the one change of type."""
    if isinstance(before, dict):
        return {key: without_masked_numbers(item, after[key]) for key, item in before.items()}
    if isinstance(before, list):
        return [without_masked_numbers(one, other) for one, other in zip(before, after, strict=True)]
    return after if isinstance(before, int | float) and isinstance(after, str) else before


@given(bodies)
def test_json_keeps_its_structure(body: Any) -> None:
    redactor = Redactor()
    masked = redactor.value(body)
    assert shape(without_masked_numbers(body, masked)) == shape(masked)
    assert json.loads(json.dumps(masked)) == masked
    assert redactor.value(masked) == masked


@given(st.sampled_from([(text, secret) for text, secret, _ in PLANTED if "BEGIN" not in text]), st.text(max_size=20))
@example(("API_KEY: &#39;hunter2hunter&#39;", "hunter2hunter"), "+")
@example(("API_KEY: 'hunter2hunter'.", "hunter2hunter"), "+")
def test_json_text_stays_json(planted: tuple[str, str], around: str) -> None:
    text, _ = planted
    written = json.dumps({"before": around, "message": text, "list": [text, around], "after": 1})
    read = json.loads(Redactor().text(written))
    assert list(read) == ["before", "message", "list", "after"]
    assert len(read["list"]) == 2


@given(st.from_regex(_PLAIN, fullmatch=True))
def test_what_is_too_plain_for_any_rule_is_changed_by_none(text: str) -> None:
    redactor = Redactor()
    assert redactor._once(text, "text") == text


def test_a_short_text_that_was_clean_is_searched_for_what_was_learnt_since() -> None:
    redactor = Redactor()
    assert redactor.value({"a": "plainlooking", "b": "looks harmless"}) == {"a": "plainlooking", "b": "looks harmless"}
    redactor.add_secret("plainlooking", "value")
    redactor.add_secret("harmless", "value")
    assert redactor.value({"a": "plainlooking", "b": "looks harmless"}) == {
        "a": "<secret:value#1>",
        "b": "looks <secret:value#2>",
    }


SIZE = 1_000_000
SHAPES = {
    "word": "a",
    "base64": "abcDEF012+/",
    "colons": "a:",
    "tokens that end too soon": "eyJ-",
    "headers of JWTs": "eyJaaaaaa.",
    "names of keys": "KEY",
    "names of keys in a row": "KEY ",
    "opened strings": "KEY='a\\",
    "escaped quotes": "\\'",
    "schemes": "Bearer ",
    "authorizations": "authorization: Bearer ",
    "addresses": "a://b:",
    "addresses in a row": "a://b:c,",
    "at signs": "a@",
    "domains": "x@a.a.a.",
    "encoded at signs": "a%40",
    "keys that begin": "-----BEGIN PRIVATE KEY-----",
    "keys that begin, quoted": '-----BEGIN PRIVATE KEY-----"',
    "queries": "?token",
    "user ids": 'user_id="',
    "small names": "password",
    "underscores": "A_",
    "entities": "TOKEN=&quot;",
    "placeholders": "<secret:value#1>",
    "spaces": " ",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_a_megabyte_of_anything_take_no_time_to_speak_of(name: str) -> None:
    """Nothing is measured: a rule that is quadratic in one of these would not come back at all."""
    piece = SHAPES[name]
    Redactor().text("KEY" + piece * (SIZE // len(piece)))


def test_many_known_values_in_many_texts() -> None:
    """An app with one machine per user: thousands of ids, each looked for in everything."""
    machines = [
        {"env": {"USER_ID": f"user-number-{n}"}, "name": f"vyx-{n}", "note": f"of user-number-{n}"} for n in range(2000)
    ]
    masked = Redactor().value(machines)
    assert "user-number" not in str(masked)
    assert masked[1999]["note"] == f"of {masked[1999]['env']['USER_ID']}"


def test_many_different_values_in_one_text() -> None:
    text = " ".join(f"user_id='id-{n:07d}' u{n}@vyx.example" for n in range(20_000))
    redactor = Redactor()
    redactor.text(text)
    assert redactor.masked == {"email": 20_000, "user-id": 20_000}


def test_a_text_that_was_clean_is_looked_at_again_once_more_is_known() -> None:
    redactor = Redactor()
    text = "a word that means nothing: plainlooking"
    assert redactor.scan(text) == redactor.scan(text) == []
    redactor.add_secret("plainlooking", "value")
    assert [hit.rule for hit in redactor.scan(text)] == ["value"]
    assert redactor.scan(f"{text} and api_key='q8Zr2Lw9Tt'")
    assert [hit.rule for hit in redactor.scan(text)] == ["value"]


@pytest.mark.parametrize("path", ["/v1/apps/{}/machines", "/v1/projects/{}/secrets", "/v2/{}/manifests/latest"])
def test_a_name_of_random_letters_stays_where_it_is_asked_for(path: str) -> None:
    name = "xkqzvwjpbtrmnhdfgylc"
    asked, redactor = f"https://api.example.com{path.format(name)}", Redactor()
    assert name not in Redactor().text(asked)
    redactor.allow(name)
    assert redactor.text(asked) == asked
