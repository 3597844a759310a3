"""The grammar of a scenario file. Anything that is not in here is a typing mistake, and said so."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator


class Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Org(Spec):
    name: str


class Ip(Spec):
    ip: str
    shared: bool = False


class App(Spec):
    """`secrets` are names only: what the platform would add to a machine's environment."""

    org: str
    id: str = ""
    ips: list[Ip] = []
    secrets: list[str] = []
    created_at: AwareDatetime | None = None
    status: str = "deployed"


class Token(Spec):
    """One row of the token table; `actions` are letters: read, write, create, delete, Control."""

    token: str
    org: str
    apps: Literal["*"] | list[str] = "*"
    actions: str = "rwcdC"
    expires: AwareDatetime | None = None
    needs_discharge: str = ""
    user: str = ""


class Image(Spec):
    """An image somebody pushed. `private` means that Fly's own credentials cannot read it."""

    ref: str
    architecture: str = "amd64"
    cmd: list[str] = []
    entrypoint: list[str] = []
    exposed_ports: list[str] = []
    env: list[str] = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    user: str = ""
    size_mb: int = 120
    index: bool = False
    private: bool = False
    program: str = ""


class Print(Spec):
    at_ms: int
    text: str
    level: str = "info"


class End(Spec):
    after_ms: int
    code: int = 0
    signal: int | None = None


class Program(Spec):
    """What the image's main process does once it runs: a small function of its environment and memory."""

    prints: list[Print] = []
    requires: list[str] = []
    complaint: str = "Missing required environment variables: {missing}"
    complains_at_ms: int = 900
    complaint_exit: int = 1
    needs_memory_mb: int = 0
    runs_out_at_ms: int = 4000
    spawn_error: str = ""
    exit: End | None = None
    listens: int | None = None
    listens_at_ms: int = 1000
    bind: str = "0.0.0.0"  # noqa: S104  (a label inside the simulated machine; nothing is bound here)
    upgrade_status: int = 101


class Create(Spec):
    """A create call. `refused` states the status with which it must fail; else the scenario is in error."""

    app: str
    id: str = ""
    body: dict[str, Any]
    refused: int | None = None
    user: str = "user"


class Destroy(Spec):
    machine: str
    force: bool = False


class Happening(Spec):
    """One dated entry of the history: exactly one of the actions."""

    at: AwareDatetime
    create: Create | None = None
    destroy: Destroy | None = None
    stop: str | None = None
    start: str | None = None
    push_image: Image | None = None
    remove_image: str | None = None
    host_status: dict[str, str] | None = None
    cordon: str | None = None
    delete_app: str | None = None

    @model_validator(mode="after")
    def _one_action(self) -> Happening:
        actions = [name for name in type(self).model_fields if name != "at" and getattr(self, name) is not None]
        if len(actions) != 1:
            raise ValueError(f"exactly one action is wanted, there are {len(actions)}: {', '.join(actions)}")
        return self


class Records(Spec):
    machines: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []


class Fault(Spec):
    """What comes in place of the true answer: a canned `status` and `body`, or a `kind` of faults.py.

    It strikes the requests that fit `method`, `host` and `path` (`*` allowed) and, where it is given, have
    exactly this `query`; `times` is for how many of them.
    """

    method: str = "GET"
    host: str = "*"
    path: str
    query: str | None = None
    kind: str = ""
    status: int | None = None
    body: dict[str, Any] | str | None = None
    times: int | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Fault:
        canned = self.status is not None and self.body is not None
        if canned == bool(self.kind) or (self.kind and (self.status, self.body) != (None, None)):
            raise ValueError("a fault has either a kind, or a status and a body")
        return self


class Settings(Spec):
    """Figures that the platform does not document; the defaults are the working model of the facts."""

    auto_destroy_mode: Literal["after_rest", "only_policy_no"] = "after_rest"
    destroyed_visible_ms: int = 30_000
    restart_pause_ms: int = 1_500
    pull_ms: int = 5_000
    list_delay_ms: int = 1_000
    log_retention_days: int = 7
    step_after_write_ms: int = 1_000
    rate_limits: bool = True
    region: str = "sin"
    error_regions: list[str] = []


class World(Spec):
    orgs: dict[str, Org]
    apps: dict[str, App]
    tokens: list[Token] = []
    images: list[Image] = []
    programs: dict[str, Program] = {}
    history: list[Happening] = []
    records: Records = Records()
    status: list[dict[str, Any]] = []
    faults: list[Fault] = []

    @model_validator(mode="after")
    def _names_exist(self) -> World:
        for name, app in self.apps.items():
            if app.org not in self.orgs:
                raise ValueError(f"app {name}: there is no organisation {app.org!r}")
        for image in self.images:
            if image.program and image.program not in self.programs:
                raise ValueError(f"image {image.ref}: there is no program {image.program!r}")
        for token in self.tokens:
            unknown = [] if token.apps == "*" else [name for name in token.apps if name not in self.apps]
            if token.org not in self.orgs or unknown:
                raise ValueError(f"a token names {unknown or token.org!r}, which is not in the world")
        for entry in self.history:
            if entry.create is not None and entry.create.app not in self.apps:
                raise ValueError(f"the history creates a machine in {entry.create.app!r}, which is no app of the world")
        return self


class Expect(Spec):
    """What a correct diagnosis of this scenario says; slugs of the cause catalogue.

    `open` are the readings that the evidence allows side by side, where no cause can be established.
    `hygiene` are findings of the config audit, which are never a cause.
    """

    verdict: Literal["incident", "healthy", "inconclusive"]
    cause: str | None
    contributing: list[str] = []
    open: list[str] = []
    hygiene: list[str] = []
    refuted: list[str] = []
    mentions: list[str] = []


class ScenarioFile(Spec):
    title: str
    truth: str
    look_at: datetime
    token: str = ""
    parameters: dict[str, str]
    expect: Expect
    settings: Settings = Field(default_factory=Settings)
    world: World
