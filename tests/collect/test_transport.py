"""The real wire, against a server on loopback: where a name leads, and every way in which an answer fails."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trustme

from collect.loopback import Serve, http, says, server, silent
from runbooks.collect import transport
from runbooks.collect.transport import (
    MAX_BODY,
    HttpTransport,
    NameStatedMissing,
    NoAnswer,
    RawAnswer,
    Routes,
    lookup_failure,
)
from tests.patience import patiently
from tests.ports import closed_port

API = "https://api.machines.dev/v1/apps/x"


@contextmanager
def wire(
    bases: dict[str, str] | None = None, connect_to: dict[str, str] | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[HttpTransport]:
    opened = HttpTransport(bases or {}, connect_to or {"*:*": "nxdomain"}, tls or ssl.create_default_context())
    try:
        yield opened
    finally:
        opened.close()


def ask(serve: Serve, seconds: float = 5.0) -> RawAnswer:
    with server(serve) as (port, _), wire({"api.machines.dev": f"http://127.0.0.1:{port}"}) as opened:
        return opened.send("GET", API, {"X": "y"}, seconds)


def failure(serve: Serve, seconds: float = 5.0) -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        ask(serve, seconds)
    return caught.value


def test_routes() -> None:
    routes = Routes(
        {
            "a.fly.dev:443": "127.0.0.1:1",
            "*.fly.dev:80": "[::1]:2",
            "b:*": "h:3",
            ":9": "h:9",
            "c:": "h:4",
            "*:*": "nxdomain",
        }
    )
    assert routes.find("a.fly.dev", 443) == ("127.0.0.1", 1)
    assert routes.find("x.fly.dev", 80) == ("::1", 2)
    assert routes.find("b", 7) == ("h", 3)
    assert routes.find("anything", 9) == ("h", 9)
    assert routes.find("c", 5) == ("h", 4)
    with pytest.raises(NameStatedMissing):
        routes.find("x.fly.dev", 443)
    assert Routes({}).find("a", 1) is None


def test_a_base_stands_for_a_host_and_may_have_a_path() -> None:
    with (
        server(http(b"{}")) as (port, requests),
        wire({"api.machines.dev": f"http://127.0.0.1:{port}/proxy/"}) as opened,
    ):
        assert opened.send("GET", f"{API}?a=b", {}, 5).status == 200
    (request,) = requests
    assert request.startswith(b"GET /proxy/v1/apps/x?a=b HTTP/1.1\r\n")


def test_a_whole_address_may_be_replaced() -> None:
    logical = "https://incidents.flyio.net/v1/incidents"
    with server(http(b"{}")) as (port, requests), wire({logical: f"http://127.0.0.1:{port}/feed.json"}) as opened:
        opened.send("GET", logical, {}, 5)
    assert requests[0].startswith(b"GET /feed.json ")


def test_connect_to_keeps_the_name_for_host_and_certificate() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.machines.dev").configure_cert(context)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    with server(http(b"ok"), context) as (port, requests):
        with wire(connect_to={"api.machines.dev:443": f"127.0.0.1:{port}"}, tls=client) as opened:
            assert opened.send("GET", API, {}, 5).body == b"ok"
        with wire(connect_to={"other.example:443": f"127.0.0.1:{port}"}, tls=client) as opened:
            with pytest.raises(NoAnswer, match="mismatch") as caught:
                opened.send("GET", "https://other.example/", {}, 5)
            assert not caught.value.connected
    assert b"\r\nhost: api.machines.dev\r\n" in requests[0].lower()


def test_a_name_that_is_stated_missing_does_not_exist() -> None:
    with wire() as opened, pytest.raises(NoAnswer, match=r"api\.machines\.dev does not exist") as caught:
        opened.send("GET", API, {}, 5)
    assert not caught.value.connected


def test_nobody_listens() -> None:
    base = {"api.machines.dev": f"http://127.0.0.1:{closed_port()}"}
    with wire(base) as opened, pytest.raises(NoAnswer, match="no connection") as caught:
        opened.send("GET", API, {}, 5)
    assert not caught.value.connected


def test_redirects_are_handed_back_and_not_followed() -> None:
    got = ask(http(b"", "302 Found", "Location: http://127.0.0.1:1/elsewhere"))
    assert got.status == 302
    assert got.headers["location"] == "http://127.0.0.1:1/elsewhere"


def test_compressed_bodies_are_read_and_broken_ones_said() -> None:
    packed = gzip.compress(b'{"a": 1}')
    assert ask(http(packed, "200 OK", "Content-Encoding: gzip")).body == b'{"a": 1}'
    assert failure(http(b"no gzip at all", "200 OK", "Content-Encoding: gzip")).connected


def test_long_bodies_are_cut_also_when_they_were_packed() -> None:
    got = ask(http(b"x" * (MAX_BODY + 10)))
    assert got.cut
    assert len(got.body) == MAX_BODY
    bomb = ask(http(gzip.compress(b"\0" * 50_000_000), "200 OK", "Content-Encoding: gzip"))
    assert bomb.cut
    assert len(bomb.body) == MAX_BODY
    assert not ask(http(b"x" * MAX_BODY)).cut


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 999999 Odd\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000,
    ],
    ids=["nothing", "no HTTP", "too short", "bad chunks", "odd status", "endless header"],
)
def test_broken_answers_are_no_answers(raw: bytes) -> None:
    error = failure(says(raw))
    assert error.connected
    assert error.reason


def test_a_silent_server_is_given_up() -> None:
    error = patiently(lambda seconds: failure(silent, seconds), lambda found: found.connected)
    assert error.connected
    assert "no answer within" in error.reason


def test_a_server_that_dribbles_is_given_up_too() -> None:
    stop = threading.Event()

    def dribble(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not stop.wait(0.02):
            connection.sendall(b"x")

    error = patiently(lambda seconds: failure(dribble, seconds), lambda found: "not complete" in found.reason)
    stop.set()
    assert "not complete" in error.reason


def test_a_header_that_cannot_be_written_is_not_repeated() -> None:
    base = {"api.machines.dev": f"http://127.0.0.1:{closed_port()}"}
    with wire(base) as opened, pytest.raises(NoAnswer) as caught:
        opened.send("GET", API, {"Authorization": "Bearer “secret”"}, 5)
    assert "secret" not in caught.value.reason


@pytest.mark.parametrize("url", ["https://[::1", "https://h:99999/", "ftp://127.0.0.1/", "https:///x", "no address"])
def test_addresses_that_are_none(url: str) -> None:
    with wire(connect_to={}) as opened, pytest.raises(NoAnswer):
        opened.send("GET", url, {}, 1)


def test_a_resolver_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: hanging.wait(10))
    assert lookup_failure("api.machines.dev", 443, 0.05) == "the name api.machines.dev did not resolve within 0 s"
    hanging.set()


def test_names_are_looked_up_once_and_failures_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, float]] = []

    def slow(host: str, port: int, seconds: float) -> str:
        asked.append((host, seconds))
        return f"the name {host} did not resolve within {seconds:.0f} s"

    monkeypatch.setattr(transport, "lookup_failure", slow)
    with wire(connect_to={"nothing:1": "nxdomain"}) as opened:
        for url in (API, API, "https://registry.fly.io/v2/"):
            with pytest.raises(NoAnswer, match="did not resolve") as caught:
                opened.send("GET", url, {}, 5)
            assert not caught.value.connected
    assert asked == [("api.machines.dev", 3.0), ("registry.fly.io", 1.0)]


def test_lookups_that_fail_or_cannot_be_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lookup_failure("127.0.0.1", 443, 5) is None
    assert lookup_failure("a" * 70 + ".example", 443, 5) is not None

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert lookup_failure("x.example", 443, 5) == "the name x.example could not be resolved: Name or service not known"
