"""Advice is one order: what one action sets no other removes, and the last one puts the caller right."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import pytest
from shared_evidence import play

from runbooks.diagnose.catalogue import catalogue
from runbooks.diagnose.model import Diagnosis, Verdict
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.models import Caller
from runbooks.simulator.scenario import scenario_names
from tests.diagnose.advice import DEAD, known

WANTED, SENT, MARK = "SUPABASE_SERVICE_KEY", "SUPABASE_SERVICE_ROLE_KEY", "<secret:jwt#1>"
SETTLED = re.compile(
    r"^(?:Have the caller (?:create the machine again|repeat the create call)|Close the job in the caller"
    r"|Give the caller the id of|Correct the row: .*, then have the caller create the machine again$)"
)


@cache
def judged(name: str) -> Diagnosis:
    return diagnose(play(name))


def renamed(value: Any, names: dict[str, str]) -> Any:
    """The same evidence with other words in it."""
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, dict):
        return {renamed(key, names): renamed(one, names) for key, one in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(renamed(one, names) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        told = {field.name: renamed(getattr(value, field.name), names) for field in fields(value) if field.init}
        return type(value)(**told)
    return value


def advice(diagnosis: Diagnosis) -> str:
    return "\n".join(" ".join((r.title, r.why, *r.commands)) for r in (*diagnosis.remedies, *diagnosis.prevention))


@pytest.mark.parametrize(
    ("wanted", "sent", "mark", "first"),
    [
        (WANTED, SENT, MARK, f"Set {WANTED} to a new key"),
        ("STRIPE_API_KEY", "STRIPE_SECRET_API_KEY", "<secret:api-key#7>", "Set STRIPE_API_KEY to a new key"),
        ("DATABASE_URL_MAIN", "DATABASE_URL", "<secret:value#9>", "Set DATABASE_URL_MAIN"),
        ("MAIL_RELAY_HOST", "MAIL_RELAY_HOSTNAME", "mail.example", "Set MAIL_RELAY_HOST"),
    ],
)
def test_a_name_that_one_action_removes_is_set_by_none(wanted: str, sent: str, mark: str, first: str) -> None:
    names = {SENT: "\0", WANTED: wanted, "\0": sent, MARK: mark}
    found = diagnose(renamed(play("vyx-missing-environment"), names))
    told = advice(found)
    assert found.remedies[0].title == first
    assert f"remove {sent} from the request" in found.remedies[0].why
    assert f"{sent}=" not in told
    assert not re.search(rf"config also held [^:]*\b{sent}\b", told)
    # Where a key has to be made anew, that stands before it is set, in each action that sets one.
    for remedy in (*found.remedies, *found.prevention):
        anew, done = remedy.why.find("anew"), remedy.why.rfind("set th")
        assert anew < 0 or anew < done, remedy.why
    assert ("make a new key where it comes from, set it" in told) is first.endswith("new key")


IN_PROSE = {
    name
    for info in catalogue().values()
    for one in (info.remedy, info.prevention, info.instead, info.afterwards)
    if one
    for text in "`".join((one.title, one.why)).split("`")[::2]
    for name in re.findall(r"\{(\w+)\}", text)
}


@pytest.mark.parametrize("name", scenario_names())
def test_no_sentence_keeps_a_name_that_was_to_be_filled_in(name: str) -> None:
    found = judged(name)
    told = " ".join(f"{one.title} {one.why}" for one in (*found.remedies, *found.prevention, *found.verification))
    prose = " ".join(told.split("`")[::2])
    assert not [one for one in IN_PROSE if re.search(rf"\b{one.upper()}\b", prose)]


def test_a_secret_that_is_set_is_deployed_and_not_set_again() -> None:
    first = diagnose(play("secret-not-deployed")).remedies[0]
    assert first.title == "Deploy PAYOUT_API_KEY"
    assert "from your shell" not in first.why


@pytest.mark.parametrize("name", scenario_names())
def test_whoever_waits_for_a_machine_that_is_gone_is_told_what_to_do(name: str) -> None:
    evidence = play(name)
    found, facts = judged(name), known(evidence)
    gone = facts.absent or facts.states.get(facts.own) in DEAD
    caller = evidence.observations["E19"].answer
    waits = isinstance(caller, Caller) and caller.ok and found.verdict is Verdict.INCIDENT and gone
    if not waits or (found.cause and catalogue()[found.cause.slug].settles):
        return
    assert SETTLED.match(found.remedies[-1].title), [one.title for one in found.remedies]
    assert re.search(r"Check first|Look first", found.remedies[-1].why)
    # It is said once.
    assert sum(bool(SETTLED.match(one.title)) for one in found.remedies) == 1


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("bad-command", "Have the caller create the machine again"),
        ("gone-without-trace", "Close the job in the caller if its work is done"),
        ("exited-normally", "Close the job in the caller if its work is done"),
        ("image-unauthorized", "Have the caller repeat the create call"),
        ("destroyed-by-deploy", "Give the caller the id of its successor, d1d7192cf0e217"),
        ("stuck-in-transition", "Give the caller the id of the machine that does the work"),
        ("vyx-image-missing", "Correct the row: write the state that the machine has, then have the caller create"),
        ("host-unreachable", "Give the caller the id of the machine that does the work"),
    ],
)
def test_the_last_action_puts_the_caller_right(name: str, last: str) -> None:
    assert judged(name).remedies[-1].title.startswith(last)


@pytest.mark.parametrize("name", ["record-of-another-machine", "rate-limited", "quota-or-billing", "app-recreated"])
def test_what_the_cause_s_own_action_says_is_not_said_again(name: str) -> None:
    assert not any(SETTLED.match(one.title) for one in judged(name).remedies)


@pytest.mark.parametrize("name", ["concurrency-limit", "startup-crash", "healthy", "wrong-hostname"])
def test_a_machine_that_is_there_is_not_created_again(name: str) -> None:
    assert not any(SETTLED.match(one.title) for one in judged(name).remedies)
