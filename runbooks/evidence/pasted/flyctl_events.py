"""Events of one machine without the machine around them: the answer of `/events`, or what `jq` left of a list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from runbooks.evidence.embedded_json import placed_objects
from runbooks.evidence.pasted.readers import Found, PastedText, reads

_MAX_EVENTS = 500
_HINT = re.compile(r'"(?:exit_event|source)"\s{0,9}:')
# Of a text that holds descriptions of machines each event belongs to one of them, also where that was cut.
_OF_MACHINE = re.compile(r'"(?:config|image_ref|instance_id|private_ip|host_status)"\s{0,9}:')
_SOURCES = frozenset({"flyd", "user", "proxy"})
# The end of an event whose beginning was not copied: of its kind nothing is known, so the state after it is not.
_REST = re.compile(r'\A[^{\[]{0,2000}?"timestamp"\s{0,9}:\s{0,9}(?P<at>\d{13})\s{0,99}\}')


@reads("events of the Machines API")
def events(text: PastedText) -> Iterator[Found]:
    """The events, of the only machine that the text names; if it names none, of the one that is asked about."""
    if not _HINT.search(text.text) or _OF_MACHINE.search(text.text):
        return
    if len(text.ids) > 1:
        return
    found = [(start, one) for start, _, one in placed_objects(text.text) if _is_event(one)][:_MAX_EVENTS]
    if not found:
        return
    rest = _REST.search(text.text[: found[0][0]])
    cut = [{"type": "", "status": "", "timestamp": int(rest["at"])}] if rest else []
    yield Found({"id": next(iter(text.ids), ""), "events": [*cut, *(one for _, one in found)]})


def _is_event(found: Mapping[str, Any]) -> bool:
    kinds = isinstance(found.get("type"), str) and isinstance(found.get("status"), str)
    return kinds and found.get("source") in _SOURCES and isinstance(found.get("timestamp"), int)
