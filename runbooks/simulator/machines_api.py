"""The Machines API about machines: list, get, events, wait, create, start, stop, destroy, lease."""

from __future__ import annotations

from datetime import timedelta

from starlette.routing import Route

from runbooks.simulator.http import Answer, ApiContext, Call, answer_json
from runbooks.simulator.machine import Lease, Machine
from runbooks.simulator.refused import Refused


class MachinesApi:
    def __init__(self, desk: ApiContext) -> None:
        self._desk = desk
        self._world = desk.world

    def routes(self) -> list[Route]:
        route = self._desk.route
        one = "/v1/apps/{app}/machines/{id}"
        return [
            route("/v1/apps/{app}/machines", self.list),
            route("/v1/apps/{app}/machines", self.create, ["POST"]),
            route(one, self.show),
            route(one, self.update, ["POST"]),
            route(one, self.destroy, ["DELETE"]),
            route(f"{one}/events", self.events),
            route(f"{one}/wait", self.wait),
            route(f"{one}/ps", self.processes),
            route(f"{one}/versions", self.versions),
            route(f"{one}/metadata", self.metadata),
            route(f"{one}/start", self.start, ["POST"]),
            route(f"{one}/stop", self.stop, ["POST"]),
            route(f"{one}/lease", self.show_lease),
            route(f"{one}/lease", self.take_lease, ["POST"]),
            route(f"{one}/lease", self.release_lease, ["DELETE"]),
        ]

    # --- looking ---------------------------------------------------------------------------------

    def list(self, call: Call) -> Answer:
        app = self._app(call, "list machines")
        regions = _words(call, "region")
        states = _words(call, "state")
        wanted = {
            key.removeprefix("metadata."): value
            for key, value in call.query.multi_items()
            if key.startswith("metadata.")
        }
        machines = [
            machine
            for machine in self._world.listed(app, deleted=call.flag("include_deleted"))
            if (not regions or machine.region in regions)
            and (not states or machine.state in states)
            and wanted.items() <= (machine.config.get("metadata") or {}).items()
        ]
        summary, leases = call.flag("summary"), call.flag("include_leases")
        now, events = self._world.now, self._world.settings.embedded_events
        shown = [machine.shown(now, events=events, summary=summary, leases=leases) for machine in machines]
        return answer_json(shown)

    def show(self, call: Call) -> Answer:
        machine = self._machine(call, "get machine")
        return answer_json(machine.shown(self._world.now, events=self._world.settings.embedded_events))

    def events(self, call: Call) -> Answer:
        machine = self._machine(call, "list events")
        return answer_json(machine.newest_events(call.number("limit", 20, 1, 50)))

    def versions(self, call: Call) -> Answer:
        """The newest first."""
        told = reversed(self._machine(call, "list versions").versions)
        return answer_json([{"version": one.id, "user_config": one.config} for one in told])

    def processes(self, call: Call) -> Answer:
        machine = self._machine(call, "list processes")
        if machine.process_since is None:
            return answer_json([])
        runs = self._world.now - machine.process_since
        port = machine.listening_port if runs.total_seconds() * 1000 >= machine.program.listens_at_ms else None
        sockets = [] if port is None else [{"proto": "tcp", "address": f"{machine.program.bind}:{port}"}]
        process = {
            "pid": 629,
            "command": " ".join([*machine.image.entrypoint, *machine.image.cmd]),
            "directory": "/app",
            "rtime": int(runs.total_seconds()),
            "listen_sockets": sockets,
        }
        return answer_json([process])

    def metadata(self, call: Call) -> Answer:
        return answer_json(self._machine(call, "get metadata").config.get("metadata") or {})

    def wait(self, call: Call) -> Answer:
        """Answers at once: the simulated clock jumps over the time that a real call would block."""
        machine = self._machine(call, "wait")
        states = [state for text in call.query.getlist("state") for state in text.split(",") if state] or ["started"]
        version = call.query.get("version") or call.query.get("instance_id") or machine.instance_id
        if version != machine.instance_id:
            raise Refused(404, "not_found: machine version not found", unverified=True)
        seconds = call.number("timeout", 60, 1, 60)
        machine = self._world.wait(machine.app, machine.id, states, seconds)
        return answer_json(
            {
                "ok": True,
                "state": machine.state,
                "version": machine.instance_id,
                "event_id": machine.newest_events(1)[0]["id"],
            }
        )

    # --- changing --------------------------------------------------------------------------------

    def create(self, call: Call) -> Answer:
        app = self._app(call, "create machine", "c")
        self._world.touched = True
        return answer_json(self._world.create(app, call.json()).shown(self._world.now))

    def update(self, call: Call) -> Answer:
        machine = self._machine(call, "update machine", "w")
        body = call.json()
        config = body.get("config") if isinstance(body, dict) else None
        if not isinstance(config, dict) or not isinstance(config.get("image"), str):
            raise Refused(400, "config.image is required", unverified=True)
        self._world.update(machine, config)
        self._world.touched = True
        return answer_json(machine.shown(self._world.now))

    def start(self, call: Call) -> Answer:
        machine = self._machine(call, "start machine", "w")
        before = self._world.start(machine)
        self._world.touched = True
        return answer_json({"previous_state": before, "migrated": False, "new_host": ""})

    def stop(self, call: Call) -> Answer:
        machine = self._machine(call, "stop machine", "w")
        if not isinstance(call.json(), dict):
            raise Refused(400, "json: cannot unmarshal array into Go value of type main.stopRequest")
        self._world.stop(machine)
        self._world.touched = True
        return answer_json({"ok": True})

    def destroy(self, call: Call) -> Answer:
        machine = self._machine(call, "delete machine", "d")
        self._world.destroy(machine, force=call.flag("force") or call.flag("kill"))
        self._world.touched = True
        return answer_json({"ok": True})

    # --- leases ----------------------------------------------------------------------------------

    def show_lease(self, call: Call) -> Answer:
        machine = self._machine(call, "get lease")
        if machine.lease is None:
            raise Refused(404, "lease not found", unverified=True)
        return answer_json(_lease(machine, machine.lease))

    def take_lease(self, call: Call) -> Answer:
        machine = self._machine(call, "take lease", "w")
        world = self._world
        body = call.json()
        ttl = call.number("ttl", int(body.get("ttl", 60)) if isinstance(body, dict) else 60, 1, 86_400)
        owner = self._desk.holder(call).user
        machine.lease = Lease(world.ids.hex("nonce", 12), world.now + timedelta(seconds=ttl), owner)
        return answer_json(_lease(machine, machine.lease), 201)

    def release_lease(self, call: Call) -> Answer:
        machine = self._machine(call, "release lease", "w")
        machine.lease = None
        return answer_json({"status": "success", "data": {"ok": True}})

    # --- inside ----------------------------------------------------------------------------------

    def _app(self, call: Call, action: str, letter: str = "r") -> str:
        app = call.path["app"]
        self._desk.tokens.check_app(self._desk.holder(call), app, letter)
        self._desk.limit(action, app)
        return app

    def _machine(self, call: Call, action: str, letter: str = "r") -> Machine:
        app, machine_id = call.path["app"], call.path["id"]
        self._desk.tokens.check_app(self._desk.holder(call), app, letter)
        self._desk.limit(action, machine_id)
        machine = self._world.machine(app, machine_id)
        if letter != "r":
            self._world.check_lease(machine, call.headers.get("fly-machine-lease-nonce", ""))
        return machine


def _lease(machine: Machine, lease: Lease) -> dict[str, object]:
    return {
        "status": "success",
        "data": {
            "nonce": lease.nonce,
            "expires_at": int(lease.expires_at.timestamp()),
            "owner": lease.owner,
            "description": lease.description,
            "version": machine.instance_id,
        },
    }


def _words(call: Call, name: str) -> set[str]:
    return {word for text in call.query.getlist(name) for word in text.split(",") if word}
