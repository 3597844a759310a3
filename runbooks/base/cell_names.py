"""Which names in a notebook's kernel are left over from a parameters cell that was edited and run again.

A kernel keeps every name for ever: the misspelt one that was corrected, and the line that was taken out. What counts
is what the cell says now, and IPython keeps the text of every cell that was run in `In`.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence


def left_over(inputs: Sequence[str], parameters: Collection[str]) -> set[str]:
    """The names that an earlier version of the parameters cell assigned, and its newest version does not.

    A later cell is a newer version of an earlier one if it assigns more than half of the earlier one's names.
    papermill's cell of injected parameters is none: it assigns a few, and the others keep their defaults.

    Args:
        inputs: the text of every cell in the order of running, as IPython's `In` has it
        parameters: the names of the runbook's parameters

    Returns:
        the names whose last assignment is in a replaced version of the cell
    """
    cells = [_assigned(text) if any(name in text for name in parameters) else set() for text in inputs]
    last: dict[str, int] = {}
    for at, cell in enumerate(cells):
        last |= dict.fromkeys(cell, at)
    return {name for name, at in last.items() if cells[at] & set(parameters) and _is_replaced(cells[at], cells[at:])}


def _is_replaced(cell: set[str], later: Sequence[set[str]]) -> bool:
    return any(2 * len(cell & newer) > len(cell) for newer in later[1:])


def _assigned(text: str) -> set[str]:
    """The names that a cell assigns; none if it is not Python, because then it did not run."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
