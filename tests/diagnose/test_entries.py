"""An entry of the caller's log stands on one line of the timeline, with the object that begins on it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shared_evidence import play

from runbooks.base.facets import Facet
from runbooks.diagnose.facts import Facts
from runbooks.diagnose.timeline import moments
from runbooks.evidence.caller import read_caller
from runbooks.evidence.models import Outcome

ID = "91850296bd4738"
AT = "2025-10-02T03:00:11.702Z"


def entries(text: str) -> list[str]:
    evidence = play("vyx-missing-environment")
    look = replace(evidence.observations["E19"], outcome=Outcome.SEEN, answer=read_caller(text))
    facts = Facts(replace(evidence, observations={**evidence.observations, "E19": look}))
    return [one.text for one in moments(facts) if one.evidence == Facet.CALLER and one.source == "caller"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{AT} Response data: {{\n  flyMachineId: '{ID}',\n  status: 'starting'\n}}", "status: 'starting' }"),
        (f"{AT} Response data:\n{{ flyMachineId: '{ID}', status: 'starting' }}", "status: 'starting' }"),
        (f"{AT} Response data: [\n  {{ flyMachineId: '{ID}' }}\n]", f"[ {{ flyMachineId: '{ID}' }} ]"),
        (f"{AT} create(\n  id='{ID}',\n  region='sin',\n)", "region='sin', )"),
        (f"2025-10-02 03:00:11,702 INFO created {ID}", f"INFO created {ID}"),
        (f"{AT} machines :( {ID}\n2025-10-02T03:00:12Z next", "next"),
    ],
)
def test_what_begins_on_a_line_is_told_to_its_end(text: str, expected: str) -> None:
    found = entries(text)
    assert found[-1].endswith(expected)
    assert len(found) == text.count("2025-10-02")


def test_a_cut_ends_between_words_and_is_shown() -> None:
    (found,) = entries(f"{AT} Response data: {{ id: '{ID}',\n  message: '{'provisioned ' * 40}'\n}}")
    assert len(found) <= 200
    assert found.endswith(" provisioned…")


def test_what_never_ends_takes_no_other_entry() -> None:
    found = entries(f"{AT} Response data: {{\n" + "x: 1,\n" * 300 + f"{AT} done {ID}")
    assert found[-1] == f"done {ID}"
    assert len(found[0]) <= 200
