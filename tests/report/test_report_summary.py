"""summary.json keeps its contract whatever the report holds."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from played import demo
from report_samples import empty, hostile

from runbooks.base.errors import RunbookError
from runbooks.report import summary
from runbooks.report.document import Report

SAMPLES = pytest.mark.parametrize("sample", [demo, empty, hostile])


@SAMPLES
def test_it_is_valid_and_can_be_written(sample: Callable[[], Report]) -> None:
    built = summary.build(sample())
    summary.check(built)
    text = summary.dumps(built)
    assert text.endswith("}\n")
    assert json.loads(text.encode("utf-8")) == built
    assert summary.dumps(summary.build(sample())) == text


def test_it_has_the_keys_of_the_contract() -> None:
    built = summary.build(demo())
    assert list(built) == [
        "schema", "runbook", "subject", "looked_at", "verdict", "status", "exit_code", "headline", "cause",
        "contributing", "hypotheses", "visibility", "timeline", "remedies", "prevention", "not_checked", "checks",
        "requests",
    ]  # fmt: skip
    assert built["schema"] == "fly-runbooks/summary/1"
    assert built["cause"]["confidence"] == "confirmed"
    assert built["looked_at"] == "2025-10-02T03:09:40Z"
    assert built["timeline"][1] == {
        "at": "2025-10-02T03:00:10.102Z",
        "source": "record",
        "text": "row created",
        "evidence": "E14",
    }
    (tag,) = (one for one in built["hypotheses"] if one["slug"] == "image-tag-missing")
    assert tag["for"] == [{"text": "The registry has no registry.fly.io/vyx-app:latest now.", "evidence": ["E09"]}]


def test_a_fault_of_the_tool_counts_as_not_checked() -> None:
    assert [one["why"] for one in summary.build(empty())["not_checked"]] == ["causes/image.py raised ZeroDivisionError"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"verdict": "fine"}, "$.verdict"),
        ({"extra": 1}, "$"),
        ({"looked_at": "2025-10-02 17:40"}, "$.looked_at"),
        ({"cause": {"slug": "x", "confidence": "open", "statement": "s", "evidence": []}}, "$.cause.confidence"),
        ({"visibility": [{"view": "API", "sees": "maybe", "state": "", "evidence": []}]}, "$.visibility[0].sees"),
    ],
)
def test_a_broken_contract_names_the_path(change: dict[str, object], path: str) -> None:
    with pytest.raises(RunbookError) as raised:
        summary.check(summary.build(demo()) | change)
    assert f" at {path}: " in raised.value.cause
