"""A table that was broken into lines is looked over without the rule for random tokens, and nothing else is."""

from __future__ import annotations

from runbooks.evidence.redaction import Redactor

TOKEN = "q7Zt93LmXw0RbV5yKc28JfDh1PsNa64Ge"


def test_what_passed_as_a_table_does_not_pass_as_anything_else() -> None:
    redactor = Redactor()
    with redactor.laid_out():
        assert redactor.scan(TOKEN) == []
    assert [hit.rule for hit in redactor.scan(TOKEN)] == ["opaque"]


def test_what_is_known_or_named_is_found_in_a_table_as_well() -> None:
    redactor = Redactor()
    assert TOKEN not in redactor.text(f"said {TOKEN}")
    with redactor.laid_out():
        assert TOKEN not in redactor.text(f"  {TOKEN}  ")
        assert TOKEN[:24] not in redactor.text(f"a  {TOKEN[:24]}\nb  {TOKEN[24:]}")
        assert "hunter2x9" not in redactor.text("password: hunter2x9")
