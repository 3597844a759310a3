"""The environment: names as Fly has them, pairs, and errors that name the variable."""

from __future__ import annotations

import pytest

from runbooks.base.errors import UsageError
from runbooks.base.settings import RECORD_COLUMNS, load_settings, pairs


def test_nothing_set_is_live_fly(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert settings.token.get_secret_value() == ""
    assert settings.machines_url == "https://api.machines.dev"
    assert settings.platform_url == "https://api.fly.io"
    assert settings.registries == settings.connect_to == {}
    assert settings.columns == RECORD_COLUMNS
    assert settings.deadline is None


def test_either_name_of_the_token_and_an_empty_one_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLY_API_TOKEN", "")
    monkeypatch.setenv("FLY_ACCESS_TOKEN", "fo1_second")
    assert load_settings().token.get_secret_value() == "fo1_second"
    monkeypatch.setenv("FLY_API_TOKEN", "fm2_first")
    settings = load_settings()
    assert settings.token.get_secret_value() == "fm2_first"
    assert "fm2_first" not in repr(settings)


def test_pairs() -> None:
    assert pairs(" a = b ,, c=d=e ,") == {"a": "b", "c": "d=e"}
    assert pairs("") == {}
    assert pairs({"a": "b"}) == {"a": "b"}
    for wrong in ("a", "=b", "a=", "a=b,c", " = "):
        with pytest.raises(ValueError, match="not of the form name=value"):
            pairs(wrong)


def test_lists_of_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLY_FLAPS_BASE_URL", "http://127.0.0.1:4280/")
    monkeypatch.setenv(
        "RUNBOOKS_REGISTRIES", "registry.fly.io=http://127.0.0.1:5000/,ghcr.io=https://mirror.example/ghcr"
    )
    monkeypatch.setenv(
        "RUNBOOKS_CONNECT_TO", "a.fly.dev:443=[::1]:8443, *:80=127.0.0.1:80 ,:22=h:22,x:*=nxdomain,*:*=NXDOMAIN"
    )
    monkeypatch.setenv("RUNBOOKS_RECORDS_COLUMNS", "machine_id=name,status=state")
    settings = load_settings()
    assert settings.machines_url == "http://127.0.0.1:4280"
    assert settings.registries == {"registry.fly.io": "http://127.0.0.1:5000", "ghcr.io": "https://mirror.example/ghcr"}
    assert settings.connect_to["a.fly.dev:443"] == "[::1]:8443"
    assert settings.columns["machine_id"] == "name"
    assert settings.columns["key"] == "id"


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("RUNBOOKS_REGISTRIES", "registry.fly.io", "not of the form name=value"),
        ("RUNBOOKS_REGISTRIES", "registry.fly.io=127.0.0.1:5000", "not a base URL"),
        ("RUNBOOKS_CONNECT_TO", "a.fly.dev=127.0.0.1:1", "not of the form host:port"),
        ("RUNBOOKS_CONNECT_TO", "a.fly.dev:https=127.0.0.1:1", "not of the form host:port"),
        ("RUNBOOKS_CONNECT_TO", "https://a.fly.dev:1=127.0.0.1:1", "not of the form host:port"),
        ("RUNBOOKS_CONNECT_TO", "a.fly.dev:443=127.0.0.1", "neither host:port nor nxdomain"),
        ("RUNBOOKS_CONNECT_TO", "a.fly.dev:443=127.0.0.1:http", "neither host:port nor nxdomain"),
        ("RUNBOOKS_RECORDS_COLUMNS", "status", "not of the form name=value"),
        ("FLY_API_HOSTNAME", "api.machines.dev", "not a base URL"),
        ("FLY_API_BASE_URL", "ftp://api.fly.io", "not a base URL"),
        ("RUNBOOKS_DEADLINE", "soon", "valid number"),
        ("RUNBOOKS_DEADLINE", "-1", "greater than 0"),
    ],
)
def test_errors_name_the_variable_and_what_is_wrong(
    variable: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError) as caught:
        load_settings()
    assert caught.value.exit_code == 2
    assert variable in caught.value.cause
    assert words in caught.value.cause
    assert "Value error" not in caught.value.cause


def test_an_error_does_not_show_a_token_that_was_set_in_the_wrong_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBOOKS_REGISTRIES", "fm2_bWFkZS11cCB0b2tlbg")
    with pytest.raises(UsageError) as caught:
        load_settings()
    assert "bWFkZS11" not in str(caught.value)
