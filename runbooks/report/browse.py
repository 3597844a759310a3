"""One table to sort and search in a live JupyterLab, where itables is installed; else the plain one, and how to get it.

The tables of the steps stay plain, so that they can be read anywhere. This is for exploring only: no report has it.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from runbooks.report import escape, times
from runbooks.report.section import Section

if TYPE_CHECKING:
    import pandas as pd

INSTALL = ".venv/bin/pip install itables"
_ROWS, _SHORT = 5_000, 30


class Browsed:
    """What `case.browse(NAME)` gives: an interactive table for a notebook, and the plain one for everything else."""

    def __init__(self, name: str, frame: pd.DataFrame) -> None:
        self.name, self.frame = name, frame.apply(_readable)

    def _plain(self) -> Section:
        hint = () if find_spec("itables") else (f"For a table that can be sorted and searched: `{INSTALL}`.",)
        rows = f"{len(self.frame):,} row{'' if len(self.frame) == 1 else 's'}."
        return Section("browse", self.name, "", rows, notes=hint, table=self.frame)

    def __repr__(self) -> str:
        return repr(self._plain())

    def _repr_html_(self) -> str:
        if not find_spec("itables") or self.frame.empty:
            return self._plain()._repr_html_()
        from itables.javascript import generate_init_offline_itables_html, to_html_datatable
        from itables.utils import find_package_file

        shown = self.frame.head(_ROWS)
        left = len(self.frame) - len(shown)
        script: str = generate_init_offline_itables_html(find_package_file("html/dt_bundle.js"))
        table: str = to_html_datatable(
            shown,
            connected=False,
            allow_html=False,
            showIndex=False,
            classes="display compact",
            columnDefs=[
                {"targets": "_all", "className": "dt-left"},
                {"targets": _short(shown), "className": "dt-left dt-nowrap"},
            ],
        )
        return f"{script}{table}" + (f"<p>… [cut: {left:,} more rows]</p>" if left else "")


def _short(frame: pd.DataFrame) -> list[int]:
    """The columns whose cells are not broken: times, ids, states."""
    return [place for place, name in enumerate(frame) if frame[name].map(lambda cell: len(str(cell))).max() <= _SHORT]


def _readable(column: pd.Series[Any]) -> pd.Series[Any]:
    """Times as text that sorts; texts without control and direction characters; numbers as they are."""
    if getattr(column.dtype, "tz", None) is not None:
        return column.map(lambda at: times.iso(at), na_action="ignore").astype(object).fillna("")
    return column.map(lambda cell: escape.line(cell) if isinstance(cell, str) else cell)
