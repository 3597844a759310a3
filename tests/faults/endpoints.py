"""Broken endpoints that are not HTTP: name servers, databases, ports, certificates."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import trustme

from tests.ports import closed_port

DNS_SERVERS: dict[str, Callable[[dns.message.Message], dns.message.Message | None]] = {}


def _dns(name: str) -> Callable[[Any], Any]:
    def register(answer: Callable[[dns.message.Message], dns.message.Message | None]) -> Any:
        DNS_SERVERS[name] = answer
        return answer

    return register


@_dns("dns-servfail")
def _servfail(query: dns.message.Message) -> dns.message.Message:
    told = dns.message.make_response(query)
    told.set_rcode(dns.rcode.SERVFAIL)
    return told


@_dns("dns-nxdomain-all")
def _nxdomain(query: dns.message.Message) -> dns.message.Message:
    told = dns.message.make_response(query)
    told.set_rcode(dns.rcode.NXDOMAIN)
    return told


@_dns("dns-nodata-all")
def _nodata(query: dns.message.Message) -> dns.message.Message:
    return dns.message.make_response(query)


@_dns("dns-silent")
def _no_dns(query: dns.message.Message) -> None:
    return None


@contextmanager
def resolver(answer: Callable[[dns.message.Message], dns.message.Message | None]) -> Iterator[None]:
    """A name server of our own in place of the system's."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                wire, client = listener.recvfrom(4096)
            except OSError:
                return
            if not wire:
                return
            told = answer(dns.message.from_wire(wire))
            if told is not None:
                told.flags |= dns.flags.RA
                listener.sendto(told.to_wire(), client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    ours = dns.resolver.Resolver(configure=False)
    ours.nameservers, ours.port = ["127.0.0.1"], listener.getsockname()[1]
    try:
        with patch("dns.resolver.default_resolver", ours):
            yield
    finally:
        listener.sendto(b"", listener.getsockname())
        thread.join(5)
        listener.close()


def _sqlite(statements: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        import sqlite3

        path = folder / "other.sqlite"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.executescript(statements)
        return f"sqlite:///{path}"

    return make


def _not_a_database(folder: Path) -> str:
    (folder / "other.sqlite").write_text("this is a letter, not a database\n" * 100)
    return f"sqlite:///{folder / 'other.sqlite'}"


_ROWS = "CREATE TABLE cloud_machines ({}); CREATE TABLE cloud_events (machine_id TEXT);"
DATABASES: dict[str, Callable[[Path], str]] = {
    "no-database": lambda folder: "",
    "no-file": lambda folder: f"sqlite:///{folder / 'missing' / 'records.sqlite'}",
    "not-a-database": _not_a_database,
    "no-table": _sqlite("CREATE TABLE other (id TEXT);"),
    "no-column": _sqlite(_ROWS.format("a TEXT, b TEXT")),
    "no-driver": lambda folder: "oracle://reader:pw-not-shown@127.0.0.1:9/app",
    "no-url": lambda folder: "reader:pw-not-shown",
    "db-refused": lambda folder: f"postgresql://reader:pw-not-shown@127.0.0.1:{closed_port()}/app",
    "db-silent": lambda folder: f"postgresql://reader:pw-not-shown@127.0.0.1:{_silent_port()}/app",
    "db-not-postgres": lambda folder: f"postgresql://reader:pw-not-shown@127.0.0.1:{_talking_port(b'SSH-2.0-x')}/app",
}


_HELD: list[socket.socket] = []


def _silent_port() -> int:
    """A port at which connections succeed, because the kernel makes them, and nobody ever answers."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    _HELD.append(listener)
    return int(listener.getsockname()[1])


def _served(serve: Callable[[socket.socket], None]) -> int:
    """A port at which this is done with each connection; then it is closed."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    _HELD.append(listener)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), client:
                client.settimeout(2)
                serve(client)

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])


def _talking_port(words: bytes) -> int:
    """A port that says the same to everybody and hangs up."""

    def talk(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(words)

    return _served(talk)


def _tls_port(names: tuple[str, ...], **options: Any) -> int:
    """A TLS server whose certificate nobody should accept."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(*names, **options).configure_cert(context)

    def handshake(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as secure:
            secure.recv(100)

    return _served(handshake)


EDGES: dict[str, Callable[[], int | None]] = {
    "nxdomain": lambda: None,
    "refused": closed_port,
    "no-answer": _silent_port,
    "not-tls": lambda: _talking_port(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"),
    "unknown-authority": lambda: _tls_port(("*.fly.dev",)),
}


def close_all() -> None:
    """Let go of every port that was taken."""
    while _HELD:
        _HELD.pop().close()
