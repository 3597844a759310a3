"""The simulator as a server on loopback: plain HTTP and TLS, in a thread of its own, on ports of its own."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import trustme
import uvicorn
from websockets.exceptions import InvalidState

from runbooks.base.errors import SourceError
from runbooks.simulator.application import Application
from runbooks.simulator.images import DOCKER_HUB, FLY_REGISTRY
from runbooks.simulator.listener import Listener
from runbooks.simulator.proxy import SUFFIX
from runbooks.simulator.records import write_records
from runbooks.simulator.scenario import Scenario
from runbooks.simulator.world import World

_LOOPBACK = "127.0.0.1"
_EDGE_PLAIN_PORTS = (80, 8080)
_CONTROL_NAME = "fly.io"


@dataclass(frozen=True)
class Endpoints:
    """Where everything is. `connect_to` is complete: with it, no name reaches the real resolver."""

    base_url: str
    tls_port: int
    ca_pem: Path
    records_url: str
    status_url: str
    registries: dict[str, str]
    connect_to: str


class Simulator:
    """One scenario, served. The simulated clock stands at the scenario's moment of looking."""

    def __init__(self, scenario: Scenario, folder: Path, port: int = 0) -> None:
        self.scenario = scenario
        self.world = World(scenario)
        self._folder = Path(folder)
        self._port = port
        self._sockets: list[socket.socket] = []
        self._servers: list[Listener] = []
        self._thread: threading.Thread | None = None
        self._registry_of_port: dict[int, str] = {}
        self._application = Application(
            scenario, self.world, lambda number: self._registry_of_port.get(number, FLY_REGISTRY)
        )

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Every request so far: host, method, path, query, status, at_monotonic, user_agent."""
        return self._application.requests

    @property
    def faults_met(self) -> int:
        """How many requests were answered by a fault."""
        return self._application.faults.met

    def advance(self, seconds: float) -> None:
        """Let simulated time pass."""
        with self.world.lock:
            self.world.advance(seconds)

    def start(self) -> Endpoints:
        if self._thread is not None:
            raise SourceError("This simulator has been started already.")
        self._folder.mkdir(parents=True, exist_ok=True)
        records_url = write_records(self.scenario.world.records, self._folder / "records.sqlite")
        try:
            plain, tls = self._listen(self._port), self._listen()
            closed = self._listen(accept=False)
            foreign = {host: self._listen() for host in sorted(self.world.images.registries() - {FLY_REGISTRY})}
        except OSError as error:
            self._close_sockets()
            raise SourceError(f"The simulator cannot listen on {_LOOPBACK}:{self._port}: {error.strerror}.") from None
        self._registry_of_port = {_port(listener): host for host, listener in foreign.items()}
        context, ca_pem = self._certificate()
        self._run([([plain, *foreign.values()], None), ([tls], context)])
        base_url = f"http://{_LOOPBACK}:{_port(plain)}"
        registries = {FLY_REGISTRY: base_url}
        for host, listener in foreign.items():
            registries[host] = f"http://{_LOOPBACK}:{_port(listener)}"
        if DOCKER_HUB in registries:
            registries["docker.io"] = registries[DOCKER_HUB]
        return Endpoints(
            base_url=base_url,
            tls_port=_port(tls),
            ca_pem=ca_pem,
            records_url=records_url,
            status_url=f"{base_url}/v1/incidents",
            registries=registries,
            connect_to=",".join(self._names(_port(plain), _port(tls), _port(closed))),
        )

    def stop(self) -> None:
        for server in self._servers:
            server.end()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None
        self._servers = []
        self._close_sockets()

    def __enter__(self) -> Simulator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _listen(self, port: int = 0, *, accept: bool = True) -> socket.socket:
        """A bound socket; from here on the kernel queues connections, so nobody can come too early."""
        # With the protocol named, the event loop switches Nagle's algorithm off, which costs 40 ms an answer.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if port:
            # Only for a port that was asked for: with it, the kernel might hand a reserved one out twice.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._sockets.append(listener)
        listener.bind((_LOOPBACK, port))
        if accept:
            listener.listen(128)
        return listener

    def _certificate(self) -> tuple[ssl.SSLContext, Path]:
        authority = trustme.CA()
        ca_pem = self._folder / "ca.pem"
        authority.cert_pem.write_to_path(str(ca_pem))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        apps = self.scenario.world.apps.values()
        custom = [told.hostname for app in apps for told in app.certificates if told.configured]
        authority.issue_cert(f"*{SUFFIX}", *custom, "localhost", _LOOPBACK).configure_cert(context)
        return context, ca_pem

    def _run(self, groups: list[tuple[list[socket.socket], ssl.SSLContext | None]]) -> None:
        pairs = []
        for listeners, context in groups:
            config = uvicorn.Config(
                self._application,
                http=self._application.lines.protocol(),
                ws="websockets-sansio",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
            )
            config.load()
            config.ssl = context
            server = Listener(config)
            self._servers.append(server)
            pairs.append((server, listeners))

        async def serve_all() -> None:
            await asyncio.gather(*(server.serve(sockets=listeners) for server, listeners in pairs))

        def work() -> None:
            try:
                asyncio.run(serve_all())
            except InvalidState:
                # uvicorn says goodbye to a WebSocket client that is just leaving by itself. It is ending anyway.
                if not all(server.should_exit for server in self._servers):
                    raise

        # A thread with a loop of its own: the caller may be a notebook, whose loop is busy running it.
        self._thread = threading.Thread(target=work, name="simulator", daemon=True)
        self._thread.start()
        patience = time.monotonic() + 5
        while not all(server.started for server in self._servers):
            if time.monotonic() > patience or not self._thread.is_alive():
                self.stop()
                raise SourceError("The simulator did not start.")
            time.sleep(0.005)

    def _names(self, plain: int, tls: int, closed: int) -> list[str]:
        """The simulated DNS. An app without an address has no name; ports that nothing serves refuse."""
        rules = []
        for name, app in self.scenario.world.apps.items():
            host = f"{name}{SUFFIX}"
            if app.ips and name in self.world.apps:
                rules.append(f"{host}:443={_LOOPBACK}:{tls}")
                rules += [f"{host}:{port}={_LOOPBACK}:{plain}" for port in _EDGE_PLAIN_PORTS]
                rules.append(f"{host}:*={_LOOPBACK}:{closed}")
                rules += [f"{custom}:443={_LOOPBACK}:{tls}" for custom in app.hostnames]
            else:
                rules.append(f"{host}:*=nxdomain")
        rules += [
            f"{_CONTROL_NAME}:443={_LOOPBACK}:{plain}",
            f"{_LOOPBACK}:{plain}={_LOOPBACK}:{plain}",
            "*:*=nxdomain",
        ]
        return rules

    def _close_sockets(self) -> None:
        for listener in self._sockets:
            listener.close()
        self._sockets = []


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])
