"""The way of a client against real TLS and WebSocket servers: each end is told apart in words."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import trustme
from collect.loopback import connected
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from runbooks.collect.edge import Edge
from runbooks.collect.result import FacetResult
from runbooks.evidence.models import Outcome
from runbooks.evidence.redaction import Redactor
from tests.patience import patiently

HOST = "vyx-app.fly.dev"
NOW = datetime.datetime.now(datetime.UTC)
Reply = Callable[[ServerConnection, Request], Response | None]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def _quiet(connection: ServerConnection) -> None:
    for _ in connection:
        pass


@contextlib.contextmanager
def websocket(tls: ssl.SSLContext | None, reply: Reply | None = None) -> Iterator[int]:
    """A WebSocket server of the same kind as a program on a machine would run."""
    with serve(_quiet, "127.0.0.1", 0, ssl=tls, process_request=reply) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join(10)


def probe(port: int, tls: ssl.SSLContext, url: str = f"wss://{HOST}/ws", seconds: float = 5.0) -> FacetResult:
    found = Edge({"*:*": f"127.0.0.1:{port}"}, tls, Redactor(), seconds).probe(url)
    assert str(port) not in found.reason
    return found


def ended(found: FacetResult) -> tuple[Outcome, str, int | None]:
    assert found.answer is not None, found.reason
    return found.outcome, found.answer.reached, found.answer.status


# Certificates


def test_a_good_server_is_open(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    with websocket(server_context(authority.issue_cert(HOST))) as port:
        found = probe(port, trusting)
    assert ended(found) == (Outcome.SEEN, "open", 101)
    assert "answers" in found.reason


def test_an_expired_certificate(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    old = authority.issue_cert(
        HOST, not_before=NOW - datetime.timedelta(days=90), not_after=NOW - datetime.timedelta(days=1)
    )
    with websocket(server_context(old)) as port:
        found = probe(port, trusting)
    assert ended(found) == (Outcome.SEEN, "tls", None)
    assert "connected, but no TLS: the certificate has expired" in found.reason


def test_a_certificate_that_is_not_valid_yet(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    early = authority.issue_cert(
        HOST, not_before=NOW + datetime.timedelta(days=2), not_after=NOW + datetime.timedelta(days=9)
    )
    with websocket(server_context(early)) as port:
        found = probe(port, trusting)
    assert "the certificate is not valid yet" in found.reason


def test_a_certificate_for_another_name(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    with websocket(server_context(authority.issue_cert("other-app.fly.dev"))) as port:
        found = probe(port, trusting)
    assert ended(found) == (Outcome.SEEN, "tls", None)
    assert "the certificate is for another name" in found.reason
    assert HOST in found.answer.detail


def test_a_self_signed_certificate(trusting: ssl.SSLContext) -> None:
    """trustme makes no leaf of its own signature, so the authority's own certificate is served."""
    alone = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with alone.cert_pem.tempfile() as certificate, alone.private_key_pem.tempfile() as key:
        context.load_cert_chain(certificate, key)
    with websocket(context) as port:
        found = probe(port, trusting)
    assert ended(found) == (Outcome.SEEN, "tls", None)
    assert "the certificate is self-signed" in found.reason


def test_a_certificate_of_an_unknown_issuer(trusting: ssl.SSLContext) -> None:
    with websocket(server_context(trustme.CA().issue_cert(HOST))) as port:
        found = probe(port, trusting)
    assert "the certificate comes from an issuer that this machine does not know" in found.reason


# What comes after TLS


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, "forbidden for this origin\n", "the upgrade was refused with HTTP 403: forbidden for this origin"),
        (502, "<h1>Bad Gateway</h1>", "the upgrade was refused with HTTP 502: <h1>Bad Gateway</h1>"),
        (503, "", "the upgrade was refused with HTTP 503: Service Unavailable"),
        (200, "hello", "a web server that does not upgrade to a WebSocket (HTTP 200): hello"),
    ],
)
def test_the_upgrade_is_answered_otherwise(
    authority: trustme.CA, trusting: ssl.SSLContext, status: int, body: str, words: str
) -> None:
    def reply(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(status, body)

    with websocket(server_context(authority.issue_cert(HOST)), reply) as port:
        found = probe(port, trusting)
    assert ended(found) == (Outcome.SEEN, "upgrade", status)
    assert words in found.reason


@pytest.mark.parametrize("place", ["https://www.example.com/login", "/elsewhere", "wss://127.0.0.1:1/", "::not a url"])
def test_a_redirect_is_told_and_not_followed(authority: trustme.CA, trusting: ssl.SSLContext, place: str) -> None:
    asked: list[str] = []

    def reply(connection: ServerConnection, request: Request) -> Response:
        asked.append(request.path)
        answer = connection.respond(307, "")
        answer.headers["Location"] = place
        return answer

    with websocket(server_context(authority.issue_cert(HOST)), reply) as port:
        found = probe(port, trusting)
    assert ended(found) == (Outcome.SEEN, "upgrade", 307)
    assert f"the upgrade was sent elsewhere (HTTP 307): to {place}" in found.reason
    assert asked == ["/ws"]


def test_a_machine_is_named_to_the_proxy(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    heard: list[str] = []

    def reply(connection: ServerConnection, request: Request) -> Response | None:
        heard.append(request.headers.get("fly-force-instance-id", ""))
        return None

    with websocket(server_context(authority.issue_cert(HOST)), reply) as port:
        Edge({"*:*": f"127.0.0.1:{port}"}, trusting, Redactor()).probe(f"wss://{HOST}/", "91850296bd4738")
    assert heard == ["91850296bd4738"]


# Servers that do not play along


def test_it_speaks_http_only(trusting: ssl.SSLContext) -> None:
    handler = http.server.BaseHTTPRequestHandler
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as plain:
        plain.RequestHandlerClass = type("Quiet", (handler,), {"log_message": lambda *_: None})
        thread = threading.Thread(target=plain.serve_forever, daemon=True)
        thread.start()
        try:
            found = probe(plain.server_address[1], trusting)
        finally:
            plain.shutdown()
            thread.join(10)
    assert ended(found) == (Outcome.SEEN, "tls", None)
    assert "the server does not speak TLS on this port" in found.reason


@pytest.mark.parametrize("encrypted", [True, False])
def test_it_closes_at_once(authority: trustme.CA, trusting: ssl.SSLContext, encrypted: bool) -> None:
    tls = server_context(authority.issue_cert(HOST)) if encrypted else None
    with connected(lambda connection: connection.close(), tls) as port:
        found = probe(port, trusting)
    outcome, reached, status = ended(found)
    assert (outcome, status) == (Outcome.SEEN, None)
    if encrypted:
        assert reached == "upgrade"
        assert "connected, but no answer to the upgrade" in found.reason
    else:
        assert reached == "tls"
        assert "the server closed the connection during the handshake" in found.reason


def _wait(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


@pytest.mark.parametrize("scheme", ["wss", "https"])
def test_silent_before_and_after_tls(authority: trustme.CA, trusting: ssl.SSLContext, scheme: str) -> None:
    url = f"{scheme}://{HOST}/ws"
    before_tls = "connected, but the server said nothing to begin TLS"
    after_tls = "connected by TLS, but the request was left unanswered"
    with connected(_wait) as port:
        before = patiently(lambda seconds: probe(port, trusting, url, seconds), lambda seen: before_tls in seen.reason)
    with connected(_wait, server_context(authority.issue_cert(HOST))) as port:
        after = patiently(lambda seconds: probe(port, trusting, url, seconds), lambda seen: after_tls in seen.reason)
    assert before.outcome is after.outcome is Outcome.COULD_NOT_LOOK
    assert before_tls in before.reason
    assert after_tls in after.reason


@pytest.mark.parametrize("scheme", ["wss", "https", "ws", "http"])
def test_a_drip_of_bytes_has_an_end(authority: trustme.CA, trusting: ssl.SSLContext, scheme: str) -> None:
    """Each byte comes in time; the answer as a whole never does."""

    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X")
            time.sleep(0.05)

    secure, told = scheme in ("wss", "https"), "the request was left unanswered"
    with connected(drip, server_context(authority.issue_cert(HOST)) if secure else None) as port:
        url = f"{scheme}://{HOST}/"
        found = patiently(lambda seconds: probe(port, trusting, url, seconds), lambda found: told in found.reason)
    assert found.outcome is Outcome.COULD_NOT_LOOK
    assert told in found.reason


@pytest.mark.parametrize("scheme", ["wss", "https"])
def test_slow_is_not_silent(authority: trustme.CA, trusting: ssl.SSLContext, scheme: str) -> None:
    def reply(connection: ServerConnection, request: Request) -> Response | None:
        time.sleep(0.5)
        return connection.respond(200, "at last") if scheme == "https" else None

    with websocket(server_context(authority.issue_cert(HOST)), reply) as port:
        found = probe(port, trusting, f"{scheme}://{HOST}/", 30)
    assert ended(found)[1] == "open"


def test_nobody_listens(trusting: ssl.SSLContext) -> None:
    with contextlib.closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        found = probe(unused.getsockname()[1], trusting)
    assert ended(found) == (Outcome.SEEN, "tcp", None)
    assert "no connection: Connection refused" in found.reason


@pytest.mark.parametrize("status", [404, 500, 502])
def test_plain_http_is_not_called_an_upgrade(authority: trustme.CA, trusting: ssl.SSLContext, status: int) -> None:
    def reply(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(status, "no\n")

    with websocket(server_context(authority.issue_cert(HOST)), reply) as port:
        found = probe(port, trusting, f"https://{HOST}/")
    assert "upgrade" not in found.reason
    assert f"HTTP {status}" in found.reason
    assert found.answer.reached == ("upgrade" if status >= 500 else "open")


def test_inside_of_an_event_loop(authority: trustme.CA, trusting: ssl.SSLContext) -> None:
    """Jupyter runs one; it is not in the way."""

    async def within() -> FacetResult:
        with websocket(server_context(authority.issue_cert(HOST))) as port:
            return probe(port, trusting)

    assert ended(asyncio.run(within()))[1] == "open"
