"""The seam to the world: one attempt out, one answer back. Everything above it speaks logical URLs.

`Wire` is the real thing; a replay of a saved bundle is another `Transport` with the same method.
"""

from __future__ import annotations

import contextlib
import fnmatch
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import httpx

from runbooks.collect.decoding import ACCEPTED, NotDecoded, decoded
from runbooks.collect.long_list import LongList, NotRead, parts

MAX_BODY = 5_000_000
LIST_PATIENCE = 6
"""How many times as long as any other answer a list may take that keeps coming."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back, not yet redacted.

    `cut` says that the body was longer than `MAX_BODY` bytes. `listed` is how many entries a long list had of which the
    body holds some. `handed_on_at` is when another run of the same sweep was given it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False
    listed: int | None = None
    handed_on_at: datetime | None = None


class NoAnswer(Exception):
    """The attempt failed below HTTP. `connected` is False when not even a connection came about."""

    def __init__(self, reason: str, *, connected: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.connected = connected


class Transport(Protocol):
    def send(
        self, method: str, url: str, headers: Mapping[str, str], seconds: float, *, content: bytes | None = None
    ) -> RawAnswer:
        """Send one request to a logical URL, with a body if there is one; raise NoAnswer without an HTTP answer."""

    def close(self) -> None: ...


class Routes:
    """`RUNBOOKS_CONNECT_TO`: where a logical host:port is really reached, as curl's --connect-to does."""

    def __init__(self, connect_to: Mapping[str, str]) -> None:
        self._rules = [(*pattern.rpartition(":")[::2], target) for pattern, target in connect_to.items()]

    def find(self, host: str, port: int) -> tuple[str, int] | None:
        """The stated target, or None for "ask the real resolver". Raises NameStatedMissing."""
        for host_pattern, port_pattern, target in self._rules:
            if fnmatch.fnmatchcase(host, host_pattern or "*") and port_pattern in ("", "*", str(port)):
                if target.lower() == "nxdomain":
                    raise NameStatedMissing(host)
                target_host, _, target_port = target.rpartition(":")
                return target_host.strip("[]"), int(target_port)
        return None


class NameStatedMissing(Exception):
    """The routes say that this name does not exist."""


class HttpTransport:
    """httpx over the real network, with names resolved under a time limit of their own.

    getaddrinfo has no time-out, and a dead resolver would otherwise hold every facet for as long as
    the system likes; so a name is looked up once, in a thread that may be left behind.
    """

    def __init__(
        self, bases: Mapping[str, str], connect_to: Mapping[str, str], tls: ssl.SSLContext | None = None
    ) -> None:
        self._bases = dict(bases)
        self._routes = Routes(connect_to)
        self._client = httpx.Client(verify=tls or httpx.create_ssl_context(), follow_redirects=False, trust_env=False)
        self._names: dict[str, str | None] = {}
        self._lines: list[socket.socket] = []

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        seconds: float,
        reader: LongList | None = None,
        *,
        content: bytes | None = None,
    ) -> RawAnswer:
        """Send one request; a body that is too long is given to `reader`, or cut where there is none."""
        try:
            target, extra, extensions = self._physical(url)
        except ValueError as error:
            raise NoAnswer(f"the address cannot be used: {error}", connected=True) from None
        timeout = httpx.Timeout(seconds, connect=min(5.0, seconds))
        late = threading.Event()
        # httpx limits each read; only an alarm ends an answer that keeps coming, a byte at a time. It goes off
        # a moment later, so that plain silence is told as what it is.
        alarm = self._alarm(seconds + 0.1, late)
        try:
            with self._client.stream(
                method,
                target,
                headers={"Accept-Encoding": ACCEPTED, **headers, **extra},
                content=content,
                timeout=timeout,
                extensions={**extensions, "trace": self._note_line},
            ) as response:
                body, cut = bytearray(), False
                pieces = decoded(response.iter_raw(), response.headers.get("content-encoding", ""))
                for piece in _in_time(pieces, late):
                    body += piece
                    if len(body) > MAX_BODY:
                        cut = True
                        break
                told = dict(response.headers)
                if cut and reader is not None and response.status_code == 200:
                    alarm.cancel()
                    alarm = self._alarm(seconds * LIST_PATIENCE, late)
                    try:
                        for part in parts(body):
                            reader.feed(part)
                        for part in _in_time(pieces, late):
                            reader.feed(part)
                        if not late.is_set():
                            return RawAnswer(200, told, reader.body(), listed=reader.total)
                    except NotRead:
                        pass  # cut, as any other body
                elif late.is_set():
                    # Without a stated length, a connection that was cut looks like one that has ended.
                    raise NoAnswer(f"the answer was not complete after {seconds:.2g} s", connected=True)
                return RawAnswer(response.status_code, told, bytes(body[:MAX_BODY]), cut)
        except NotDecoded as error:
            raise NoAnswer(f"the answer cannot be read: {error}", connected=True) from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NoAnswer(_why(error, "no connection"), connected=False) from None
        except httpx.TimeoutException:
            raise NoAnswer(f"no answer within {seconds:.2g} s", connected=True) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            if late.is_set():
                raise NoAnswer(f"the answer was not complete after {seconds:.2g} s", connected=True) from None
            raise NoAnswer(_why(error, "the connection broke"), connected=True) from None
        except ValueError:
            # What cannot be written into a header; the library's own words would repeat it.
            raise NoAnswer("the request could not be written", connected=True) from None
        finally:
            alarm.cancel()

    def close(self) -> None:
        self._client.close()

    def _alarm(self, seconds: float, late: threading.Event) -> threading.Timer:
        alarm = threading.Timer(seconds, self._hang_up, [late])
        alarm.daemon = True
        alarm.start()
        return alarm

    def _note_line(self, event: str, info: Mapping[str, Any]) -> None:
        """httpcore's account of what it does: a new connection, or the same one with TLS around it."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._lines = [line for line in self._lines if line.fileno() != -1]
            self._lines.append(info["return_value"].get_extra_info("socket"))

    def _hang_up(self, late: threading.Event) -> None:
        """End whatever is being read; connections that rest here are lost with it, and made anew."""
        late.set()
        for line in self._lines:
            with contextlib.suppress(OSError):
                # TLS's own farewell would wait for an answer.
                socket.socket.shutdown(line, socket.SHUT_RDWR)

    def _physical(self, url: str) -> tuple[str, dict[str, str], dict[str, str]]:
        parts = urlsplit(self._bases.get(url, self._rebased(url)))
        base = self._bases.get(parts.netloc)
        if base is not None:
            physical = urlsplit(base)
            parts = parts._replace(
                scheme=physical.scheme, netloc=physical.netloc, path=physical.path.rstrip("/") + parts.path
            )
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if is_address(host):
            return urlunsplit(parts), {}, {}
        try:
            route = self._routes.find(host, port)
        except NameStatedMissing:
            raise NoAnswer(f"the name {host} does not exist", connected=False) from None
        if route is None:
            self._must_resolve(host, port)
            return urlunsplit(parts), {}, {}
        netloc = f"[{route[0]}]:{route[1]}" if ":" in route[0] else f"{route[0]}:{route[1]}"
        return urlunsplit(parts._replace(netloc=netloc)), {"Host": parts.netloc}, {"sni_hostname": host}

    def _rebased(self, url: str) -> str:
        """An address below a logical base that has a `*` in its path, at the base that stands for it."""
        for logical, base in self._bases.items():
            before, star, _ = logical.partition("/*")
            if star and url.startswith(f"{before}/"):
                return f"{base}/{url[len(before) + 1 :].partition('/')[2]}"
        return url

    def _must_resolve(self, host: str, port: int) -> None:
        if host not in self._names:
            # The first name may take its time; once one has hung, the resolver is known to be slow.
            seconds = 1.0 if any(why and "did not resolve" in why for why in self._names.values()) else 3.0
            self._names[host] = lookup_failure(host, port, seconds)
        why = self._names[host]
        if why is not None:
            raise NoAnswer(why, connected=False)


def _in_time(pieces: Iterator[bytes], late: threading.Event) -> Iterator[bytes]:
    """The pieces until the alarm goes off: unpacking takes time without anything being read."""
    for piece in pieces:
        if late.is_set():
            return
        yield piece


def lookup_failure(host: str, port: int, seconds: float) -> str | None:
    """None when the system can resolve the name, else the reason why not."""
    ended: list[str | None] = []

    def ask() -> None:
        try:
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            ended.append(None)
        except OSError as error:
            ended.append(f"the name {host} could not be resolved: {error.strerror or error}")
        except UnicodeError:
            ended.append(f"{host} cannot be a name")

    # A daemon: a resolver that hangs must not hold the end of the process either.
    asking = threading.Thread(target=ask, name=f"resolve {host}", daemon=True)
    asking.start()
    asking.join(seconds)
    return ended[0] if ended else f"the name {host} did not resolve within {seconds:.0f} s"


def is_address(host: str) -> bool:
    """Is this an IP address (or localhost), which no resolver is asked for?"""
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _why(error: Exception, otherwise: str) -> str:
    text = " ".join(str(error).split())
    return f"{otherwise}: {text}" if text else otherwise
