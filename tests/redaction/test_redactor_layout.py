"""Layout is left out where a text is only judged; whatever is in it that could be a secret is found all the same."""

from __future__ import annotations

import pytest

from runbooks.evidence.redaction import Redactor
from runbooks.evidence.redaction.layout import without_layout

_STYLE = ' style="text-align:left;padding:.35em 1em"'
_TOKEN = "ghp_" + "x7Kq9ZtR2mVb4NcW8sLd1PfG6hJy3TaEuQ0o"


def test_each_style_of_a_tag_stays_once() -> None:
    text = f"<td{_STYLE}>one</td><td class='a'{_STYLE} id='b'>two</td>{_STYLE}"
    assert without_layout(text) == f"<td{_STYLE}>one</td><td class='a' id='b'>two</td>{_STYLE}"


@pytest.mark.parametrize(
    "hidden",
    [
        f'<td style="background:url(https://x/?a={_TOKEN})">1</td>' * 2,
        f'<path d="M0 0 {_TOKEN}"/>',
        f"<td{_STYLE}>password</td><td{_STYLE}>one</td><td{_STYLE}>{_TOKEN}</td>",
        f"<td{_STYLE}>postgres://me:hunter2hunter@db/x</td>{f'<td{_STYLE}>1</td>' * 5}",
    ],
)
def test_a_secret_between_or_inside_of_layout_is_found(hidden: str) -> None:
    page = f"<table>{f'<tr><td{_STYLE}>cell</td></tr>' * 20}{hidden}</table>"
    redactor = Redactor()
    assert redactor.scan(page)
    masked = redactor.text(page)
    assert _TOKEN not in masked
    assert "hunter2" not in masked
    assert masked.count(_STYLE) == page.count(_STYLE)
    assert redactor.scan(masked) == []


def test_a_known_value_is_found_wherever_it_stands() -> None:
    redactor = Redactor()
    redactor.add_secret("correcthorse", "password")
    assert redactor.scan(f"<td{_STYLE}>1</td><td{_STYLE}>correcthorse</td>")


def test_a_known_value_in_a_repeated_style_is_found() -> None:
    redactor = Redactor()
    redactor.add_secret("correcthorse", "password")
    page = "<td style='x'>1</td>" + '<td style="font:correcthorse">1</td>' * 2
    assert redactor.scan(page)
    assert "correcthorse" not in redactor.text(page)


@pytest.mark.parametrize("behind", ["--token", "password:", "PGPASSWORD="])
def test_what_looks_like_a_style_outside_of_a_tag_is_text(behind: str) -> None:
    shown = 'style="Zebra9Kilo77xQ"'
    line = f"{behind} {shown}"
    assert Redactor().text(f"<p {shown}>hi</p>\n{line}").endswith(Redactor().text(line))
