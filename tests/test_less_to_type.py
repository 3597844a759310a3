"""What need not be typed: the app, the organisation, settings, the token, a pasted text; and names half remembered."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import click
import pytest
from produced import command

from runbooks.base import suggest
from runbooks.base.settings import load_settings
from runbooks.cli import flyctl
from runbooks.diagnose.catalogue import catalogue

BY_ID = ("run", "machine_not_visible", "-p", "machine_id", "91850296bd4738")
PROFILE = """
default = "production"

[profiles.production]
app = "shop-eu"
organisation = "shop"
records_table = "machines"
records_columns = { machine_id = "fly_id" }
output_root = "reports"
keep_days = 30

[profiles.staging]
app = "shop-staging"
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own, and no config of the person who runs this."""
    folder = tmp_path / "project" / "deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def _parameters(*arguments: str) -> tuple[dict[str, str], str, Path]:
    """Of a run that is blocked, since there is no token: its parameters, what it said, and its folder."""
    code, out, told = command(*arguments)
    assert code == 5, told
    place = Path((out + told).partition("Report: ")[2].splitlines()[0])
    folder = place if place.is_dir() else place.parent
    return json.loads((folder / "manifest.json").read_text())["parameters"], told, folder


def test_the_app_comes_from_fly_toml_in_this_folder_and_is_said(tmp_path: Path) -> None:
    Path("fly.toml").write_text('app = "my-app"\nprimary_region = "ams"\n')
    given, told, _ = _parameters(*BY_ID, "--output-root", str(tmp_path / "out"))
    assert given["app_name"] == "my-app"
    assert "app_name my-app" in told
    given, told, _ = _parameters(*BY_ID, "-p", "app_name", "other", "--output-root", str(tmp_path / "out"))
    assert given["app_name"] == "other"
    assert "my-app" not in told


def test_a_profile_is_found_upwards_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("fly.toml").write_text('app = "my-app"\n')
    (tmp_path / "project" / "runbooks.toml").write_text(PROFILE)
    given, _, folder = _parameters(*BY_ID)
    assert (given["app_name"], given["org_slug"], given["records_table"]) == ("shop-eu", "shop", "machines")
    assert folder.parent.parent == Path("reports").absolute()
    settings = load_settings()
    assert (settings.columns["machine_id"], settings.keep_days) == ("fly_id", "30")
    monkeypatch.setenv("RUNBOOKS_OUTPUT_ROOT", str(tmp_path / "elsewhere"))
    assert load_settings().output_root == tmp_path / "elsewhere"
    assert _parameters(*BY_ID, "--profile", "staging", "--output-root", "o")[0]["app_name"] == "shop-staging"
    os.environ.pop("RUNBOOKS_PROFILE", None)


def test_without_a_file_above_the_users_own_counts(tmp_path: Path) -> None:
    own = tmp_path / "config" / "fly-runbooks" / "runbooks.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[profiles.only]\napp = "at-home"\n')
    assert _parameters(*BY_ID, "--output-root", "o")[0]["app_name"] == "at-home"


def test_a_pasted_text_keeps_its_own_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runbooks import definitions

    Path("fly.toml").write_text('app = "my-app"\n')
    assert "app_name" not in definitions.nearby({"caller_log": "a log"})
    assert definitions.validate("machine_not_visible", {"source": "simulator:healthy"}).app_name != "my-app"


def test_a_value_comes_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    from runbooks.cli.values import values_of

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("línea\nzwei\n".encode())))
    assert values_of(None, (("app_name", "a"), ("caller_log", "-")), None) == {
        "app_name": "a",
        "caller_log": "línea\nzwei\n",
    }


def test_flyctls_token_is_used_only_when_a_person_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = tmp_path / "home" / ".fly" / "config.yml"
    kept.parent.mkdir(parents=True)
    kept.write_text("access_token: FlyV1 fm2_bm90IGEgcmVhbCB0b2tlbg==\nauto_update: true\n")
    before = kept.read_bytes()
    monkeypatch.setenv("FLY_API_TOKEN", "")
    asked: list[str] = []

    def answer(question: str, **_: object) -> bool:
        asked.append(question)
        return len(asked) > 1

    monkeypatch.setattr(click, "confirm", answer)
    flyctl.offer_flyctl_token()
    assert asked == []  # nobody is there
    monkeypatch.setattr(flyctl, "_somebody_there", lambda: True)
    flyctl.offer_flyctl_token()
    assert len(asked) == 1
    assert str(kept) in asked[0]
    assert "fm2_" not in asked[0]
    assert load_settings().token.get_secret_value() == ""
    flyctl.offer_flyctl_token()
    assert load_settings().token.get_secret_value().startswith("FlyV1 fm2_")
    flyctl.offer_flyctl_token()
    assert len(asked) == 2  # a token that is set is not asked about
    assert kept.read_bytes() == before
    kept.write_text("- not: [what, it, was\n")
    monkeypatch.setenv("FLY_API_TOKEN", "")
    flyctl.offer_flyctl_token()
    assert len(asked) == 2


def test_quiet_shows_the_path_alone_and_open_opens_it(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(click, "launch", opened.append)
    code, out, told = command(*BY_ID, "-p", "app_name", "a", "--quiet", "--open", "--output-root", "o")
    assert (code, told) == (5, "")
    (line,) = out.splitlines()
    assert opened == [line.removeprefix("Report: ")]
    assert opened[0].endswith("report.html")


@pytest.mark.parametrize(
    ("word", "meant"),
    [("oom", "out-of-memory"), ("memory", "out-of-memory"), ("missing-enviroment", "missing-environment")],
)
def test_a_cause_half_remembered_is_found(word: str, meant: str) -> None:
    code, _, told = command("explain", word)
    assert code == 2
    assert "Did you mean" in told
    assert meant in told
    assert meant in suggest.nearest(word, {slug: info.title for slug, info in catalogue().items()})


def test_a_scenario_that_is_none_is_answered_with_the_nearest() -> None:
    told = command(*BY_ID, "--source", "simulator:nope")[2]
    assert "Did you mean" in told
    assert len(told) < 400


def test_a_shell_can_complete_the_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from runbooks import cli

    monkeypatch.setenv("_RUNBOOKS_COMPLETE", "zsh_source")
    with pytest.raises(SystemExit):
        cli.main()
    assert "compdef" in capsys.readouterr().out
