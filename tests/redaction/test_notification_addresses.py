"""What of the addresses in `RUNBOOKS_NOTIFY` is masked in reports: their secrets, and no plain words."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbooks.base.settings import load_settings
from runbooks.evidence.redaction import Redactor, secrets_of

SENTENCE = "The config was corrected by runbooks on 127.0.0.1:9099 of example.com; see fly-runbooks.env."


def _redactor(monkeypatch: pytest.MonkeyPatch, setting: str) -> Redactor:
    monkeypatch.setenv("RUNBOOKS_NOTIFY", setting)
    redactor = Redactor()
    for value, kind in secrets_of(load_settings()):
        redactor.add_secret(value, kind)
    return redactor


@pytest.mark.parametrize(
    "setting",
    [
        "json://127.0.0.1:9099/corrected",
        "mailto://127.0.0.1:25/?from=runbooks@example.com&to=corrected@example.com",
        "mailtos://corrected:correcthorse@example.com",
        "/etc/fly-runbooks/notify",
        "fly-runbooks/corrected",
        "corrected",
    ],
)
def test_plain_words_of_an_address_stay_readable(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _redactor(monkeypatch, setting).text(SENTENCE, "E06") == SENTENCE


@pytest.mark.parametrize(
    ("setting", "secret"),
    [
        ("json://127.0.0.1:9099/corrected", "127.0.0.1:9099/corrected"),
        ("json://127.0.0.1:9099/corrected/hook-8d7f6a5b", "hook-8d7f6a5b"),
        ("json://oncall:correcthorse@127.0.0.1:9099/in", "correcthorse"),
        ("mailtos://oncall:correcthorse@gmail.com", "correcthorse"),
        ("ntfy://correcthorse", "correcthorse"),
        ("slack://T1234567A/B1234567A/cccccccccccccccccccccccc", "cccccccccccccccccccccccc"),
        ("https://hooks.slack.com/services/T1234567A/B1234567A/Zq3", "T1234567A"),
        ("mailto:me:hunterhunter@example.com", "hunterhunter"),
        ("json://127.0.0.1 supersecret42pw", "supersecret42pw"),
        ("supersecret42pw", "supersecret42pw"),
        ("https://hook.example/qwzxkvbnmplrtsdfghjkc", "qwzxkvbnmplrtsdfghjkc"),
        ("json://host.example/48291038774412", "48291038774412"),
        ("jsons://apitokenletters@host/hook", "apitokenletters"),
        ("jsons://apitoken@host/hook", "apitoken"),
        ("json://oncall:12345/correcthorse@host", "correcthorse"),
        ("json://host/in?:auth=secretword", "secretword"),
        ("json://host/in?+auth=secretword", "secretword"),
        ("FILE", "correcthorse"),
    ],
)
def test_what_can_be_secret_is_masked(
    setting: str, secret: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "addresses"
    file.write_text("# on-call\nntfy://correcthorse\n")
    shown = _redactor(monkeypatch, setting.replace("FILE", str(file))).text(f"It posts to {secret} now.", "E06")
    assert secret not in shown
    assert "webhook" in shown or "password" in shown
