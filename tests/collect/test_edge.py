"""The way of a client, step by step: what failed is told apart from what could not be looked at."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import Any

import dns.exception
import dns.resolver
import pytest
import trustme

from collect.conftest import Play
from collect.loopback import Serve, http, says, server, silent
from runbooks.collect import edge as edge_module
from runbooks.collect.edge import Edge
from runbooks.evidence.models import Outcome
from runbooks.evidence.redaction import Redactor
from tests.patience import patiently
from tests.ports import closed_port

LOCAL = {"*:*": "nxdomain"}


def edge(connect_to: dict[str, str], tls: ssl.SSLContext | None = None, seconds: float = 5.0) -> Edge:
    return Edge(connect_to, tls or ssl.create_default_context(), Redactor(), seconds)


def served(play: Play, name: str = "healthy") -> tuple[Edge, Any]:
    stage = play(name)
    return Edge(stage.source.connect_to, stage.source.tls or ssl.create_default_context(), Redactor()), stage


# Against the simulator.


@pytest.mark.parametrize("scheme", ["wss", "https", "ws", "http"])
def test_a_machine_that_listens_is_open(play: Play, scheme: str) -> None:
    asked, stage = served(play)
    found = asked.probe(f"{scheme}://{stage.given.app_name}.fly.dev/", stage.given.machine_id)
    assert found.outcome is Outcome.SEEN
    assert found.answer.reached == "open"
    assert found.answer.status == (101 if scheme.startswith("ws") else 200)
    assert found.answer.forced_instance == stage.given.machine_id
    assert [r["host"] for r in stage.simulator.requests] == [f"{stage.given.app_name}.fly.dev"]


def test_a_refused_upgrade_has_its_status(play: Play) -> None:
    asked, stage = served(play)
    found = asked.probe(f"wss://{stage.given.app_name}.fly.dev/", "11111111111111")
    assert found.outcome is Outcome.SEEN
    assert (found.answer.reached, found.answer.status) == ("upgrade", 503)
    assert "HTTP 503" in found.reason


@pytest.mark.parametrize("scheme", ["wss", "https"])
def test_a_tls_connection_is_used_by_one_thread(play: Play, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at once lose data now and then, and an endpoint that answers would seem to be silent."""
    asked, stage = served(play)
    users: set[int] = set()

    class Noted(ssl.SSLSocket):
        def read(self, *given: Any, **more: Any) -> Any:
            users.add(threading.get_ident())
            return super().read(*given, **more)

        def sendall(self, *given: Any, **more: Any) -> None:
            users.add(threading.get_ident())
            super().sendall(*given, **more)

    monkeypatch.setattr(stage.source.tls, "sslsocket_class", Noted, raising=False)
    found = asked.probe(f"{scheme}://{stage.given.app_name}.fly.dev/", stage.given.machine_id)
    assert found.answer.reached == "open"
    assert users == {threading.get_ident()}


def test_another_port_is_named_to_the_server(play: Play) -> None:
    asked, stage = served(play)
    asked.probe(f"ws://{stage.given.app_name}.fly.dev:8080/")
    asked.probe(f"http://{stage.given.app_name}.fly.dev:8080/")
    assert {r["host"] for r in stage.simulator.requests} == {f"{stage.given.app_name}.fly.dev:8080"}


def test_a_port_without_a_service_refuses(play: Play) -> None:
    asked, stage = served(play)
    found = asked.probe(f"wss://{stage.given.app_name}.fly.dev:9999/")
    assert (found.outcome, found.answer.reached) == (Outcome.SEEN, "tcp")


def test_a_machine_s_name_is_no_hostname(play: Play) -> None:
    asked, _ = served(play, "vyx-missing-environment")
    named = asked.resolve("vyx-63eea370.fly.dev")
    assert named.outcome is Outcome.ABSENT
    assert (named.answer.code, named.answer.control) == ("NXDOMAIN", "fly.io")
    found = asked.probe("wss://vyx-63eea370.fly.dev")
    assert (found.outcome, found.answer.reached, found.answer.detail) == (Outcome.SEEN, "dns", "NXDOMAIN")


# DNS.


def test_without_the_control_name_a_missing_name_proves_nothing() -> None:
    asked = edge({"vyx.fly.dev:*": "nxdomain", "fly.io:*": "nxdomain"})
    found = asked.resolve("vyx.fly.dev")
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "the control name fly.io did not resolve: NXDOMAIN" in found.reason
    assert asked.probe("wss://vyx.fly.dev/").outcome is Outcome.COULD_NOT_LOOK


def resolver(monkeypatch: pytest.MonkeyPatch, answers: dict[tuple[str, str], Any]) -> list[tuple[str, str]]:
    asked: list[tuple[str, str]] = []

    def resolve(host: str, kind: str, **_: object) -> Any:
        asked.append((host, kind))
        given = answers.get((host, kind), dns.resolver.NoAnswer)
        if isinstance(given, type | Exception):
            raise given
        return given

    monkeypatch.setattr(edge_module.dns.resolver, "resolve", resolve)
    return asked


def test_the_three_answers_of_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        ("app.fly.dev", "A"): ["66.241.125.88"],
        ("app.fly.dev", "AAAA"): dns.exception.Timeout(),
        ("bare.fly.dev", "A"): dns.resolver.NoAnswer(),
        ("gone.fly.dev", "A"): dns.resolver.NXDOMAIN(),
        ("gone.fly.dev", "AAAA"): dns.resolver.NXDOMAIN(),
        ("fly.io", "A"): ["37.16.18.81"],
    }
    asked = resolver(monkeypatch, answers)
    looked = edge({})
    found = looked.resolve("app.fly.dev")
    assert (found.outcome, found.answer.addresses) == (Outcome.SEEN, ("66.241.125.88",))
    bare = looked.resolve("bare.fly.dev")
    assert (bare.outcome, bare.answer.code) == (Outcome.ABSENT, "NODATA")
    assert "has no address" in bare.reason
    gone = looked.resolve("gone.fly.dev")
    assert (gone.outcome, gone.answer.code) == (Outcome.ABSENT, "NXDOMAIN")
    assert [host for host, _ in asked].count("fly.io") == 2


@pytest.mark.parametrize("failure", [dns.exception.Timeout(), dns.resolver.NoNameservers(), OSError("no network")])
def test_a_resolver_that_does_not_answer_is_no_absence(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    resolver(monkeypatch, {("app.fly.dev", "A"): failure})
    found = edge({}).resolve("app.fly.dev")
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "DNS did not answer" in found.reason


@pytest.mark.parametrize("host", ["a" * 70 + ".fly.dev", "a..fly.dev", "." * 5, "x" * 300])
def test_what_cannot_be_a_name(host: str) -> None:
    assert edge({}).resolve(host).outcome is Outcome.COULD_NOT_LOOK


@pytest.mark.parametrize("host", ["66.241.125.88", "::1", "[2a09:8280:1::a3:5d1c:0]"])
def test_an_address_is_not_looked_up(host: str) -> None:
    found = edge(LOCAL).resolve(host)
    assert found.outcome is Outcome.SEEN
    assert found.answer.addresses == (host.strip("[]"),)


# Below and above TLS, against loopback.


def probe(
    serve: Serve,
    url: str,
    seconds: float = 5.0,
    tls: ssl.SSLContext | None = None,
    client: ssl.SSLContext | None = None,
) -> Any:
    with server(serve, tls) as (port, _):
        return edge({"*:*": f"127.0.0.1:{port}"}, client, seconds).probe(url)


def test_nobody_listens() -> None:
    found = edge({"*:*": f"127.0.0.1:{closed_port()}"}).probe("wss://vyx.fly.dev/")
    assert (found.outcome, found.answer.reached) == (Outcome.SEEN, "tcp")
    assert "refused" in found.answer.detail


def test_a_certificate_for_another_name() -> None:
    authority = trustme.CA()
    context, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("*.fly.dev").configure_cert(context)
    authority.configure_trust(client)
    found = probe(http(b""), "wss://vyx.example/", tls=context, client=client)
    assert (found.outcome, found.answer.reached) == (Outcome.SEEN, "tls")
    assert "Hostname mismatch" in found.answer.detail
    unknown = probe(http(b""), "https://vyx.fly.dev/", tls=context)
    assert unknown.answer.reached == "tls"


def test_no_tls_at_all() -> None:
    found = probe(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "wss://vyx.fly.dev/")
    assert (found.outcome, found.answer.reached, found.answer.status) == (Outcome.SEEN, "tls", None)
    hung_up = probe(says(b""), "wss://vyx.fly.dev/")
    assert hung_up.answer.reached == "tls"


@pytest.mark.parametrize(
    "url", ["ws://vyx.fly.dev/", "http://vyx.fly.dev/", "wss://vyx.fly.dev/", "https://vyx.fly.dev/"]
)
def test_a_silent_server_could_not_be_looked_at(url: str) -> None:
    found = patiently(lambda seconds: probe(silent, url, seconds), lambda found: "no answer within" in found.reason)
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert "no answer within" in found.reason
    assert found.answer is None


@pytest.mark.parametrize("scheme", ["ws", "http"])
@pytest.mark.parametrize("raw", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"])
def test_servers_that_speak_something_else(scheme: str, raw: bytes) -> None:
    found = probe(says(raw), f"{scheme}://vyx.fly.dev/")
    assert found.outcome is Outcome.SEEN
    assert found.answer.reached in ("upgrade", "open")


def test_what_the_server_says_is_kept_short_and_redacted() -> None:
    body = b"refused for fm2_c29tZWJvZHkgZWxzZQ " + b"x" * 5000
    for scheme in ("ws", "http"):
        found = probe(http(body, "502 Bad Gateway"), f"{scheme}://vyx.fly.dev/")
        assert (found.answer.reached, found.answer.status) == ("upgrade", 502)
        assert "fm2_" not in repr(found)
        assert len(found.answer.detail) <= 300


def test_credentials_in_an_address_are_not_repeated() -> None:
    url = "ws://nadia:hunter2hunter2@vyx.fly.dev/ws?token=hunter3hunter3"
    found = probe(http(b"", "404 Not Found"), url)
    assert "hunter" not in repr(found)
    assert "hunter" not in repr(edge({"*:*": "nxdomain", "fly.io:*": "127.0.0.1:1"}).probe(url))


@pytest.mark.parametrize("path", ["/a b", "/ü?ö=ä", "/x\x01y", "/100%", "/<script>"])
@pytest.mark.parametrize("scheme", ["ws", "http"])
def test_odd_paths_are_quoted_not_refused_by_us(scheme: str, path: str) -> None:
    with server(http(b"", "404 Not Found")) as (port, requests):
        found = edge({"*:*": f"127.0.0.1:{port}"}).probe(f"{scheme}://vyx.fly.dev{path}")
    assert found.answer.status == 404
    assert requests[0].split(b" ")[2].startswith(b"HTTP/1.1")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "vyx.fly.dev",
        "ftp://vyx.fly.dev/",
        "wss://",
        "wss://[::1",
        "wss://h:99999/",
        "wss://h:port/",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_address_could_not_be_asked(url: str) -> None:
    found = edge({"*:*": "127.0.0.1:1"}).probe(url)
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert found.answer is None


def test_a_name_that_is_missing_on_one_port_only() -> None:
    found = edge({"vyx.fly.dev:443": "127.0.0.1:1", "vyx.fly.dev:80": "127.0.0.1:1", "*:*": "nxdomain"}).probe(
        "ws://vyx.fly.dev:9/"
    )
    assert (found.outcome, found.answer.reached, found.answer.detail) == (Outcome.SEEN, "dns", "NXDOMAIN")


def test_an_address_of_version_six_is_named_with_its_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.create_connection
    with server(http(b"", "204 No Content")) as (port, requests):
        monkeypatch.setattr(
            socket, "create_connection", lambda target, **more: connect(("127.0.0.1", target[1]), **more)
        )
        found = edge({}).probe(f"http://[::1]:{port}/")
    assert found.answer.status == 204
    assert f"host: [::1]:{port}\r\n".encode() in requests[0].lower()
