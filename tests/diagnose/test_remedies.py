"""Advice follows the known state: no command and no sentence contradicts a fact of the same evidence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
import yaml
from shared_evidence import play

from runbooks.base.facets import known_facets
from runbooks.diagnose.catalogue import catalogue
from runbooks.diagnose.commands import filled
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.model import Remedy
from runbooks.diagnose.preconditions import EXISTS, Plan
from runbooks.diagnose.verdict import diagnose
from runbooks.evidence.caller import read_caller
from runbooks.evidence.models import Evidence, Observation, Outcome, Subject
from runbooks.simulator.scenario import scenario_names
from tests.diagnose.advice import contradictions, in_steps, known
from tests.evidence import paste_forms
from tests.incidents.converting import evidence_of
from tools.generate_docs import without

TESTS = Path(__file__).parent.parent
HELD = {
    name for name, e in yaml.safe_load((TESTS / "incidents/fresh/expected.yaml").read_text()).items() if e.get("held")
}
INCIDENTS = {
    path.stem: path for part in ("cases", "fresh") for path in sorted((TESTS / "incidents" / part).glob("*.json"))
}
PASTES = {path.name: path.read_text() for path in sorted((TESTS / "evidence" / "pastes").iterdir())} | {
    f"{form}: {name}": text
    for form, texts in (
        ("status", paste_forms.STATUSES),
        ("list", paste_forms.LISTS),
        ("app", paste_forms.APPS),
        ("checks", paste_forms.CHECKS),
        ("json", paste_forms.JSONS),
        ("job", paste_forms.JOBS),
        ("export", paste_forms.EXPORTS),
    )
    for name, text in texts.items()
}


@cache
def evidence(name: str) -> Evidence:
    return play(name)


@cache
def incident(name: str) -> Evidence:
    return evidence_of(json.loads(INCIDENTS[name].read_text()))


def pasted(text: str) -> Evidence:
    """Nothing could be reached; a person pasted this text."""
    now = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
    caller = read_caller(text)
    told = caller.pasted.machines[0] if caller.pasted.machines else None
    subject = Subject(next(iter(caller.identity.apps), ""), told.machine.id if told else "")
    looks = {f.value: Observation(f, Outcome.COULD_NOT_LOOK, "not reachable", now) for f in known_facets()}
    number = next(f for f in known_facets() if f.value == "E19")
    return Evidence(subject, now, {**looks, "E19": Observation(number, Outcome.SEEN, "pasted", now, caller)})


@pytest.mark.parametrize("name", scenario_names())
def test_a_scenario_gets_no_advice_that_its_evidence_contradicts(name: str) -> None:
    whole = evidence(name)
    assert contradictions(whole, diagnose(whole)) == []


VIEWS = ("E03", "E03b", "E05", "E05b", "E06", "E08")


@pytest.mark.parametrize("name", scenario_names())
def test_with_fewer_looks_the_advice_still_contradicts_nothing(name: str) -> None:
    """What a missing look would have told is asked, and not assumed."""
    for numbers in (("E02",), ("E03", "E03b"), ("E04",), ("E05", "E05b"), ("E07",), VIEWS, (*VIEWS, "E04")):
        less = without(evidence(name), *(n for n in numbers if n in evidence(name).observations))
        assert contradictions(less, diagnose(less)) == [], numbers


@pytest.mark.parametrize("name", sorted(set(INCIDENTS) - HELD))
def test_an_incident_gets_no_advice_that_its_evidence_contradicts(name: str) -> None:
    whole = incident(name)
    assert contradictions(whole, diagnose(whole)) == []


@pytest.mark.parametrize("text", PASTES.values(), ids=PASTES)
def test_a_pasted_text_gets_no_advice_that_it_contradicts(text: str) -> None:
    whole = pasted(text)
    assert contradictions(whole, diagnose(whole)) == []


@pytest.mark.parametrize("state", ["created", "started", "starting", "stopped", "failed", "replacing", "destroyed", ""])
def test_no_cause_of_the_catalogue_contradicts_any_state(state: str) -> None:
    """Whichever cause holds: its remedy, alone, for the same machine in each state, and where none is known."""
    whole = _in_state(evidence("stopped-by-request"), state)
    facts = Facts(whole)
    for info in catalogue().values():
        step = Plan(facts).fit(info.remedy, facts.names, info.needs, info.instead)
        assert list(in_steps(known(whole), [step] if step else [])) == [], info.slug


def _in_state(whole: Evidence, state: str) -> Evidence:
    """The same machine in another state, by its own description and in no list; "": nothing was asked of it."""
    looks = dict(whole.observations)
    machine = looks["E03"].answer
    for number, look in whole.observations.items():
        if number in ("E03b", "E04", "E05", "E05b", "E06", "E07", "E07b", "E08") or (number == "E03" and not state):
            looks[number] = replace(look, outcome=Outcome.COULD_NOT_LOOK, answer=None)
    if state:
        looks["E03"] = replace(looks["E03"], answer=replace(machine, state=state, events=()))
    return replace(whole, observations=looks)


ID, APP = "b89377025a5948", "tidal-fleet"
WRONG = [
    ("destroyed", Remedy("Start", "", (f"fly machine start {ID} -a {APP}",))),
    ("destroyed", Remedy("Grow", "", (f"fly machine update {ID} -a {APP} --vm-memory 8192",))),
    ("destroyed", Remedy("Copy", "", (f"fly machine clone {ID} -a {APP}",))),
    ("destroyed", Remedy("Ask", "", (f"curl -sSi https://{APP}.fly.dev/ -H fly-force-instance-id:{ID}",))),
    ("destroyed", Remedy("Fix the program so that the health check passes", "")),
    ("destroyed", Remedy("Uncordon the machine", "")),
    ("started", Remedy("Start", "", (f"fly machine start {ID} -a {APP}",))),
    ("started", Remedy("Wait until the machine's state is settled", "")),
    ("started", Remedy("Remove", "", (f"fly machine destroy {ID} -a {APP} --force",))),
    ("stopped", Remedy("Remove", "", (f"fly machine destroy {ID} -a {APP} --force",))),
    ("stopped", Remedy("Look inside", "", (f"fly machine exec {ID} 'ss -ltnp' -a {APP}",))),
    ("stopped", Remedy("Change the check", "The machine is running.")),
    ("stopped", Remedy("Elsewhere", "", (f"fly machine start {ID} -a another-app",))),
    (
        "stopped",
        Remedy("First", "", (f"fly machine start {ID} -a {APP}", f"fly machine destroy {ID} -a {APP} --force")),
    ),
    (
        "created",
        Remedy("First", "", (f"fly machine destroy {ID} -a {APP} --force", f"fly machine start {ID} -a {APP}")),
    ),
    ("", Remedy("Start", "", (f"fly machine start {ID} -a {APP}",))),
    ("", Remedy("Start", "", ("fly machine start MACHINE_ID -a tidal-fleet",))),
]


@pytest.mark.parametrize(("state", "remedy"), WRONG, ids=lambda value: getattr(value, "title", value))
def test_a_wrong_remedy_is_caught(state: str, remedy: Remedy) -> None:
    whole = _in_state(evidence("stopped-by-request"), state)
    assert whole.subject.machine_id == ID
    assert list(in_steps(known(whole), [remedy]))


def test_a_port_that_is_the_present_one_is_caught() -> None:
    whole = evidence("not-listening")
    port = (Facts(whole).machine.services or ())[0].internal_port
    command = "fly machine update {} -a {} --port 443:{}/tcp:tls:http"
    for wrong in (str(port), "INTERNAL_PORT"):
        line = command.format(whole.subject.machine_id, whole.subject.app, wrong)
        assert list(in_steps(known(whole), [Remedy("Change the port", "", (line,))])), wrong


def test_the_remedies_of_the_catalogue_as_they_are_declared_would_be_caught() -> None:
    """Without their preconditions many causes advise what a destroyed machine cannot do."""
    whole = _in_state(evidence("stopped-by-request"), "destroyed")
    facts = Facts(whole)
    caught = [
        info.slug
        for info in catalogue().values()
        if list(in_steps(known(whole), [filled(info.remedy, {**facts.names, "live_id": ID})]))
    ]
    assert len(caught) >= 15, caught


def test_what_a_gone_machine_needs_becomes_a_new_one() -> None:
    whole = _in_state(evidence("stopped-by-request"), "destroyed")
    facts = Facts(whole)
    remedy = Remedy("Start or create a machine", "No machine serves.", ("fly machine start {machine_id} -a {app}",))
    step = Plan(facts).fit(remedy, facts.names)
    assert step is not None
    assert step.commands[0].startswith("fly machine run ")
    assert step.why == "No machine serves. This machine is destroyed, so create a new one."
    assert Plan(facts).fit(remedy, facts.names, EXISTS) is None


def test_an_unknown_state_becomes_a_question() -> None:
    whole = _in_state(evidence("stopped-by-request"), "")
    facts = Facts(whole)
    step = Plan(facts).fit(Remedy("Start it", "It rests.", ("fly machine start {machine_id} -a {app}",)), facts.names)
    assert step is not None
    assert step.commands == ()
    assert (
        step.why == f"It rests. The machine's state is not known. Check it first: `fly machine status {ID} -a {APP}`."
    )


def test_a_step_knows_what_the_step_before_has_done() -> None:
    facts = Facts(evidence("stopped-by-request"))
    plan = Plan(facts)
    start = Remedy("Start", "", ("fly machine start {machine_id} -a {app}",))
    destroy = Remedy("Destroy", "", ("fly machine destroy {machine_id} -a {app} --force",))
    steps = [plan.fit(one, facts.names) for one in (start, destroy, start)]
    assert [step.commands if step else None for step in steps] == [(f"fly machine start {ID} -a {APP}",), (), ()]


def test_a_region_that_was_refused_is_not_asked_for_again() -> None:
    facts = Facts(evidence("region-unavailable"))
    names = {**facts.names, "region": "yul"}
    step = Plan(facts).fit(Remedy("Run", "", ("fly machine run {image} -a {app} -r {region}",)), names)
    assert step is not None
    assert step.commands[0].endswith(" -r REGION")


def test_an_image_that_the_registry_lacks_is_pushed_before_a_machine_is_made_of_it() -> None:
    whole = evidence("vyx-image-missing")
    facts, run = Facts(whole), Remedy("Run", "It waits.", ("fly machine run {believed} -a {app} -r {region}",))
    plan = Plan(facts)
    step = plan.fit(run, facts.names)
    assert step is not None
    assert step.commands == ()
    assert step.why.endswith("push it before you create a machine from it.")
    assert list(in_steps(known(whole), [filled(run, facts.names)]))
    push = plan.fit(Remedy("Push", "", ("fly deploy -a {app} --build-only --push",)), facts.names)
    after = plan.fit(run, facts.names)
    assert push is not None
    assert push.commands
    assert after is not None
    assert after.commands


@pytest.mark.parametrize(
    ("scenario", "first"),
    [
        ("vyx-image-missing", "The image exists"),
        ("vyx-missing-environment", "The machine stays up"),
        ("host-capacity", "The machine is listed"),
        ("not-listening", "The endpoint answers for this machine"),
        ("record-never-updated", "The row is updated"),
        ("ambiguous-killed", "The machine is listed"),
    ],
)
def test_the_check_that_the_cause_made_fail_verifies_the_fix_first(scenario: str, first: str) -> None:
    assert diagnose(play(scenario)).verification[0].title == first
