"""Ten thousand generated bodies: no reader raises, and nothing that came in is dropped without a trace."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbooks.evidence.parsers import app_of, events_of, listing_of, log_lines_of, machine_of, text_of, token_scopes_of

MANY = settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["2025-10-02T03:00:00Z", "91850296bd4738", "started", "launch_failed", "exit", "", "0", "-1", "NaN"]
    ),
)
ANY = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.text(max_size=6), SCALARS, max_size=2))


def shaped(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object of the documented shape in which every field may be missing, of another type, or nonsense."""
    return st.fixed_dictionaries({}, optional={name: st.one_of(field, ANY) for name, field in fields.items()})


EXIT = shaped(exit_code=ANY, signal=ANY, oom_killed=ANY, requested_stop=ANY, restarting=ANY, exited_at=ANY)
REQUEST = shaped(exit_event=EXIT, MonitorEvent=shaped(exit_event=EXIT), restart_count=ANY)
EVENT = shaped(id=SCALARS, type=SCALARS, status=SCALARS, source=SCALARS, timestamp=SCALARS, request=REQUEST)
EVENTS = st.lists(st.one_of(EVENT, ANY), max_size=3)
CONFIG = shaped(env=ANY, metadata=ANY, image=SCALARS, guest=ANY, restart=ANY, services=ANY, containers=ANY)
MACHINE = shaped(
    id=SCALARS,
    name=SCALARS,
    state=SCALARS,
    region=SCALARS,
    created_at=SCALARS,
    config=CONFIG,
    incomplete_config=CONFIG,
    image_ref=shaped(registry=SCALARS, repository=SCALARS, tag=SCALARS, digest=SCALARS),
    events=EVENTS,
    checks=ANY,
    host_status=SCALARS,
    something_new=ANY,
)


@MANY
@given(MACHINE)
def test_machines(body: dict[str, Any]) -> None:
    machine = machine_of(body)
    assert machine.raw is body  # unknown fields are kept
    assert isinstance(machine.env, dict)
    assert isinstance(machine.image, str)
    given_events = body.get("events")
    assert len(machine.events) == (len(given_events) if isinstance(given_events, list) else 0)


@MANY
@given(EVENTS)
def test_events(body: list[Any]) -> None:
    events = events_of(body)
    assert len(events) == len(body)
    for event in events:
        assert isinstance(event.type, str)
        assert event.at is None or event.at.tzinfo is not None


@settings(MANY, max_examples=2_000)
@given(st.one_of(st.lists(st.one_of(MACHINE, ANY), max_size=2), shaped(machines=st.lists(MACHINE, max_size=2)), ANY))
def test_every_other_reader(body: Any) -> None:
    listing = listing_of(body)
    rows = body.get("machines") if isinstance(body, dict) else body
    readable = (
        [row for row in rows if isinstance(row, dict) and text_of(row.get("id"))] if isinstance(rows, list) else []
    )
    assert len(listing.machines) == len(readable)
    # What could not be read is not passed over in silence: the list counts as incomplete then.
    assert listing.complete is False or not isinstance(rows, list) or len(readable) == len(rows)
    log_lines_of({"data": body})
    token_scopes_of({"tokens": body})
    if isinstance(body, dict):
        app_of(body)
