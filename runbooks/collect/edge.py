"""The way a client would come: DNS, TCP, TLS, then the WebSocket upgrade, each told apart (§7).

A name that does not resolve is an answer only when a control name resolves at the same moment.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, quote, urlsplit

import dns.exception
import dns.resolver
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
from websockets.extensions.permessage_deflate import enable_client_permessage_deflate
from websockets.uri import parse_uri

from runbooks import __version__
from runbooks.collect.answer import CouldNotAsk
from runbooks.collect.result import FacetResult, absent, seen, unavailable
from runbooks.collect.transport import NameStatedMissing, Routes, is_address
from runbooks.evidence.models import Probe, Resolution
from runbooks.evidence.redaction import Redactor

CONTROL = "fly.io"
_SECONDS = 5.0
_SAFE = "/%:@!$&'()*+,;=~?"
# The library logs a peer that hangs up after refusing the upgrade as its own error; here it is an answer.
_QUIET = logging.getLogger("runbooks.edge")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


class Edge:
    """Resolver and prober; names stated by the source's routes are never asked of the real DNS."""

    def __init__(
        self,
        connect_to: Mapping[str, str],
        tls: ssl.SSLContext,
        redactor: Redactor,
        seconds: float = _SECONDS,
    ) -> None:
        self._routes, self._tls, self._redactor, self._seconds = Routes(connect_to), tls, redactor, seconds
        self._control: str | None = None

    def resolve(self, host: str) -> FacetResult:
        """The three answers of DNS: addresses, no addresses, no such name."""
        host = host.strip("[]")
        if is_address(host):
            return seen(f"{host} is an address, not a name", Resolution(host, "NOERROR", (host,)))
        try:
            found = self._lookup(host)
        except CouldNotAsk as error:
            return unavailable(f"{host}: {error}")
        if found.code == "NOERROR":
            shown = f" ({', '.join(found.addresses)})" if found.addresses else ""
            return seen(f"{host} resolves{shown}", found)
        what = "does not exist (NXDOMAIN)" if found.code == "NXDOMAIN" else "exists, but has no address"
        control = self._control_failure()
        if control:
            return unavailable(
                f"{host}: no answer to trust, because the control name {CONTROL} did not resolve: {control}"
            )
        return absent(
            f"{host} {what}, while the control name {CONTROL} resolves",
            Resolution(host, found.code, found.addresses, CONTROL),
        )

    def probe(self, url: str, instance: str = "") -> FacetResult:
        """Connect as a client would, with `fly-force-instance-id` where an instance is named."""
        shown = self._redactor.text(url, "edge")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            return unavailable(f"{shown[:200]!r} is no URL: {self._redactor.text(str(error), 'edge')}")
        if parts.scheme not in ("ws", "wss", "http", "https") or not host:
            return unavailable(f"{shown[:200]!r} is no ws, wss, http or https URL")
        named = self.resolve(host)
        if named.answer is None:
            return unavailable(named.reason)
        if named.answer.code != "NOERROR":
            return seen(f"{shown} cannot be reached: {named.reason}", Probe(shown, "dns", detail=named.answer.code))
        try:
            return self._connected(parts, host, port, shown, instance)
        except NameStatedMissing:
            return seen(f"{shown} cannot be reached: {host} does not exist", Probe(shown, "dns", detail="NXDOMAIN"))
        except _Silent as silence:
            return unavailable(f"{shown}: {silence}: no answer within {self._seconds:.0f} s")
        except ValueError as error:
            return unavailable(f"{shown[:200]!r} cannot be asked for: {self._redactor.text(str(error), 'edge')}")

    def _connected(self, parts: SplitResult, host: str, port: int | None, url: str, instance: str) -> FacetResult:
        secure = parts.scheme in ("wss", "https")
        usual = 443 if secure else 80
        target = self._routes.find(host, port or usual) or (host, port or usual)
        try:
            sock = socket.create_connection(target, timeout=self._seconds)
        except TimeoutError:
            raise _Silent("no connection came about") from None
        except OSError as error:
            return self._ended(url, "tcp", None, error.strerror or str(error), instance)
        try:
            if secure:
                try:
                    sock = self._tls.wrap_socket(sock, server_hostname=host)
                except TimeoutError:
                    raise _Silent("connected, but the server said nothing to begin TLS") from None
                except (ssl.SSLError, ConnectionError) as error:
                    return self._ended(url, "tls", None, _tls_reason(error), instance)
            path = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
            name = f"[{host}]" if ":" in host else host
            name += f":{port}" if port and port != usual else ""
            headers = {"fly-force-instance-id": instance} if instance else {}
            asker = self._upgrade if parts.scheme in ("ws", "wss") else self._plain
            try:
                return asker(sock, name, path, headers, url, instance)
            except TimeoutError:
                raise _Silent(f"connected{' by TLS' if secure else ''}, but the request was left unanswered") from None
        finally:
            sock.close()

    def _upgrade(
        self, sock: socket.socket, name: str, path: str, headers: dict[str, str], url: str, instance: str
    ) -> FacetResult:
        try:
            with self._in_time(sock) as late:
                _goodbye(sock, _handshake(sock, f"ws://{name}{path}", headers, late))
            return self._ended(url, "open", 101, "the upgrade was accepted", instance)
        except TimeoutError:
            raise
        except (InvalidHandshake, WebSocketException, OSError, EOFError, ValueError) as error:
            answer = _answer_in(error)
            if answer is None and isinstance(error, ValueError):
                raise
            if answer is None:
                return self._ended(url, "upgrade", None, _first_line(_root(error)), instance)
            status, reason, raw = answer
            return self._ended(url, "upgrade", status, " ".join(raw.split()) or reason, instance)

    def _plain(
        self, sock: socket.socket, name: str, path: str, headers: dict[str, str], url: str, instance: str
    ) -> FacetResult:
        connection = http.client.HTTPConnection(name, timeout=self._seconds)
        connection.sock = sock
        try:
            with self._in_time(sock) as late:
                connection.request("GET", path, headers=headers)
                response = connection.getresponse()
                if late.is_set():
                    # To the library an end of the connection is also an end of the headers.
                    raise TimeoutError
                detail = _beginning(response)
        except TimeoutError:
            raise
        except (http.client.HTTPException, OSError) as error:
            return self._ended(url, "upgrade", None, _first_line(error), instance)
        return self._ended(url, "open" if response.status < 500 else "upgrade", response.status, detail, instance)

    @contextlib.contextmanager
    def _in_time(self, sock: socket.socket) -> Iterator[threading.Event]:
        """Time-outs of a socket begin anew with every byte; this is the end of them all, and what follows is late."""
        late = threading.Event()
        end = threading.Timer(self._seconds, _hang_up, (sock, late))
        end.daemon = True
        end.start()
        try:
            yield late
        except Exception:
            if late.is_set():
                raise TimeoutError from None
            raise
        finally:
            end.cancel()

    def _ended(self, url: str, reached: str, status: int | None, detail: str, instance: str) -> FacetResult:
        detail = self._redactor.text(detail, "edge")[:300]
        probe = Probe(url, reached, status, detail, instance)
        if reached == "open":
            return seen(f"{url} answers (HTTP {status}: {detail})", probe)
        return seen(f"{url}: {_stage(url, reached, status)}: {detail}", probe)

    def _control_failure(self) -> str:
        """Why the control name does not resolve, or "" when it does. Asked once."""
        if self._control is None:
            try:
                code = self._lookup(CONTROL).code
                self._control = "" if code == "NOERROR" else code
            except CouldNotAsk as error:
                self._control = str(error)
        return self._control

    def _lookup(self, host: str) -> Resolution:
        try:
            if any(self._routes.find(host, port) for port in (443, 80)):
                return Resolution(host, "NOERROR")
        except NameStatedMissing:
            return Resolution(host, "NXDOMAIN")
        addresses: list[str] = []
        code = "NODATA"
        for kind in ("A", "AAAA"):
            try:
                answer = dns.resolver.resolve(host, kind, lifetime=2.0)
                addresses += sorted(str(record) for record in answer)
            except dns.resolver.NXDOMAIN:
                code = "NXDOMAIN"
            except dns.resolver.NoAnswer:
                continue
            except (dns.exception.DNSException, OSError) as error:
                if addresses:
                    continue
                raise CouldNotAsk(f"DNS did not answer: {_first_line(error)}") from None
        return Resolution(host, "NOERROR" if addresses else code, tuple(addresses))


def _handshake(sock: socket.socket, uri: str, headers: dict[str, str], late: threading.Event) -> ClientProtocol:
    """Ask for the upgrade and hear the answer; raises what the library makes of any answer but yes.

    TLS is done already, so the library is told of a plain connection. It only writes and reads the messages: its own
    client listens in a second thread, and a TLS connection that two threads use at once loses data now and then.
    """
    protocol = ClientProtocol(
        parse_uri(uri), extensions=enable_client_permessage_deflate(None), max_size=2**16, logger=_QUIET
    )
    request = protocol.connect()
    request.headers.update({"User-Agent": f"fly-runbooks/{__version__}", **headers})
    protocol.send_request(request)
    while not protocol.events_received():
        for data in filter(None, protocol.data_to_send()):
            sock.sendall(data)
        heard = sock.recv(4096)
        if late.is_set():
            raise TimeoutError
        if heard:
            protocol.receive_data(heard)
        else:
            protocol.receive_eof()
        if protocol.handshake_exc is not None:
            raise protocol.handshake_exc
    return protocol


def _goodbye(sock: socket.socket, protocol: ClientProtocol) -> None:
    """Close as a WebSocket client does, and give the server a second to do the same."""
    end = time.monotonic() + 1
    with contextlib.suppress(OSError, WebSocketException):
        protocol.send_close(1000)
        sock.sendall(b"".join(protocol.data_to_send()))
        sock.settimeout(1)
        while time.monotonic() < end and sock.recv(4096):
            pass


def _beginning(response: http.client.HTTPResponse) -> str:
    """The first words of the body; an answer without all of its body is an answer, too."""
    try:
        return " ".join(response.read(300).decode("utf-8", "replace").split())
    except (http.client.HTTPException, OSError):
        return ""


class _Silent(Exception):
    """Time ran out; the message says how far one had come."""


def _stage(url: str, reached: str, status: int | None) -> str:
    """Where it ended, in words that tell the cases apart."""
    if reached == "tcp":
        return "no connection"
    if reached == "tls":
        return "connected, but no TLS"
    if not url.startswith("ws"):
        return f"an answer, but an error (HTTP {status})" if status else "connected, but no answer in HTTP"
    if status is None:
        return "connected, but no answer to the upgrade"
    if status < 300:
        return f"a web server that does not upgrade to a WebSocket (HTTP {status})"
    if status < 400:
        return f"the upgrade was sent elsewhere (HTTP {status})"
    return f"the upgrade was refused with HTTP {status}"


_CERTIFICATE = {9: "is not valid yet", 10: "has expired", 18: "is self-signed"}
_UNKNOWN_ISSUER = {19, 20, 21}


def _tls_reason(error: OSError) -> str:
    """What was wrong with the handshake or the certificate, in words first and then in OpenSSL's own."""
    told = str(getattr(error, "verify_message", "") or getattr(error, "reason", "") or error.strerror or error)
    code = getattr(error, "verify_code", None)
    if code in _CERTIFICATE:
        return f"the certificate {_CERTIFICATE[code]} ({told})"
    if code in _UNKNOWN_ISSUER:
        return f"the certificate comes from an issuer that this machine does not know ({told})"
    if code in (62, 63, 64):
        return f"the certificate is for another name ({told})"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ConnectionError) or "EOF" in told:
        return f"the server closed the connection during the handshake ({told})"
    if told in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"):
        return f"the server does not speak TLS on this port ({told})"
    return told


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it came from; the library wraps what it heard."""
    known: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in known:
        known.append(one)
        yield one
        one = one.__cause__ or one.__context__


def _answer_in(error: BaseException) -> tuple[int, str, str] | None:
    """Status, reason phrase and beginning of the body, where the server answered in HTTP."""
    for one in _chain(error):
        if isinstance(one, InvalidStatus):
            response = one.response
            body = bytes(response.body or b"")[:300].decode("utf-8", "replace")
            place = response.headers.get("Location", "") if 300 <= response.status_code < 400 else ""
            return response.status_code, response.reason_phrase, f"to {place}" if place else body
    return None


def _root(error: BaseException) -> BaseException:
    """The lowest error that says something: "connection closed" tells more than "no valid response"."""
    return next((one for one in reversed(list(_chain(error))) if str(one).strip()), error)


def _hang_up(sock: socket.socket, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(OSError):
        # Not the method of an SSLSocket, which would take the reader's own state away.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__
