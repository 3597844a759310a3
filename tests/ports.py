"""Ports of loopback that stay ours: one at which nobody listens, and one for a server that has to be told its port.

A port that is looked up and let go may be somebody else's a moment later. A socket that is bound and does not listen
keeps it: whoever connects is refused, and the kernel gives the port to nobody who asks for any.
"""

from __future__ import annotations

import atexit
import functools
import socket
from collections.abc import Iterator
from contextlib import contextmanager


@functools.cache
def closed_port() -> int:
    """A port that refuses as long as this process lives."""
    holder = _bound()
    atexit.register(holder.close)
    return int(holder.getsockname()[1])


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port at which only a server that is told it can listen. Linux lets it: both sockets have SO_REUSEADDR."""
    with _bound() as holder:
        yield int(holder.getsockname()[1])


def _bound() -> socket.socket:
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder
