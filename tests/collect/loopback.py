"""A tiny server on loopback that says exactly the bytes it was told to, or nothing."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

Serve = Callable[[socket.socket, bytes], None]


def says(raw: bytes) -> Serve:
    """Answer every request with these bytes and hang up."""
    return lambda connection, _: connection.sendall(raw)


def silent(connection: socket.socket, _: bytes) -> None:
    """Say nothing until the other side hangs up."""
    connection.recv(1)


def http(body: bytes, status: str = "200 OK", *headers: str) -> Serve:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return says("\r\n".join([*lines, "", ""]).encode() + body)


@contextlib.contextmanager
def server(serve: Serve, tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """The port, and the requests that came."""
    requests: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        request = connection.recv(65536)
        requests.append(request)
        serve(connection, request)
        connection.close()

    with connected(answer, tls) as port:
        yield port, requests


@contextlib.contextmanager
def connected(behave: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server that does this with each connection. Whoever is still connected at the end is cut off."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def one(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if tls:
                connection = tls.wrap_socket(connection, server_side=True)
                connections.append(connection)
            behave(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                thread = threading.Thread(target=one, args=(connection,), daemon=True)
                threads.append(thread)
                thread.start()

    threads = [threading.Thread(target=accept, daemon=True)]
    threads[0].start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in list(connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)
        for connection in connections:
            connection.close()
