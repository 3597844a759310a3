"""What the tests against real servers share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .asking import close_all


@pytest.fixture(autouse=True)
def _connections_are_closed() -> Iterator[None]:
    yield
    close_all()
