"""The grammar of a scenario file. Anything that is not in here is a typing mistake, and said so."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator


class Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Org(Spec):
    """On the free trial (`trial`) the platform stops every machine after five minutes."""

    name: str
    trial: bool = False


class Ip(Spec):
    ip: str
    shared: bool = False


class Certificate(Spec):
    """A custom hostname that was added to an app; the edge presents a certificate for it once it is `configured`."""

    hostname: str
    configured: bool = True
    created_at: AwareDatetime | None = None


class Secret(Spec):
    """A secret of an app. A `staged` one reaches no machine, any other the versions made after `set_at`."""

    name: str
    set_at: AwareDatetime | None = None
    staged: bool = False


class Volume(Spec):
    """A volume of an app; it is attached to the machine whose config mounts it, or to the one that is named."""

    id: str
    name: str = "data"
    region: str
    machine: str = ""
    size_gb: int = 1


def secret_of(told: str | Secret) -> Secret:
    """A secret that is told by its name alone, or with more."""
    return told if isinstance(told, Secret) else Secret(name=told)


class App(Spec):
    """`secrets` are what the platform adds to a machine's environment; a name alone has been set long ago.

    `hostnames` are custom names whose DNS records lead to the app, with or without a certificate.
    """

    org: str
    id: str = ""
    ips: list[Ip] = []
    hostnames: list[str] = []
    certificates: list[Certificate] = []
    secrets: list[str | Secret] = []
    volumes: list[Volume] = []
    created_at: AwareDatetime | None = None
    status: str = "deployed"
    network: str = "default"


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
    """An image somebody pushed. `private` means that Fly's own credentials cannot read it.

    `unpacked_mb` is its size on the root file system, `pull_ms` how long a host needs for it, if not as long as usual.
    """

    ref: str
    architecture: str = "amd64"
    cmd: list[str] = []
    entrypoint: list[str] = []
    exposed_ports: list[str] = []
    env: list[str] = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    user: str = ""
    size_mb: int = 120
    unpacked_mb: int = 0
    pull_ms: int | None = None
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


class Health(Spec):
    """How the program answers the platform's HTTP checks."""

    status: int = 200
    body: str = "ok"


class Program(Spec):
    """What the image's main process does once it runs: a small function of its environment and memory.

    It answers an upgrade with `upgrade_status`; where `path_names` is a variable, only a path whose last part is
    that variable's value is known to it, others get 404. `refusal_line` is what it prints about one it refuses.
    """

    prints: list[Print] = []
    requires: list[str] = []
    error_message: str = "Missing required environment variables: {missing}"
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
    health: Health = Health()
    path_names: str = ""
    refusal_line: str = ""


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


class ClientRequest(Spec):
    """A client's WebSocket connection to a public hostname; the proxy's and the program's lines of it stay."""

    host: str
    port: int = 443
    path: str = "/"


class Stop(Spec):
    """`source` is the user, the proxy (autostop) or flyd."""

    machine: str
    source: str = "user"


class Start(Spec):
    """`refused` as for a create call."""

    machine: str
    source: str = "user"
    refused: int | None = None


class Update(Spec):
    """A new version: `config` replaces the keys that it names."""

    machine: str
    config: dict[str, Any]
    refused: int | None = None


class Lease(Spec):
    machine: str
    seconds: int
    owner: str


class Hold(Spec):
    """Clients keep `connections` to the machine open for so long; each counts against its hard limit."""

    machine: str
    connections: int
    seconds: float


class Breaks(Spec):
    """From then on the platform's record of a machine holds these values in place of the true ones."""

    machine: str
    values: dict[str, str | None]


class HistoryEvent(Spec):
    """One dated entry of the history: exactly one of the actions."""

    at: AwareDatetime
    create: Create | None = None
    destroy: Destroy | None = None
    stop: str | Stop | None = None
    start: str | Start | None = None
    update: Update | None = None
    migrate: str | None = None
    lease: Lease | None = None
    push_image: Image | None = None
    remove_image: str | None = None
    host_status: dict[str, str] | None = None
    cordon: str | None = None
    delete_app: str | None = None
    create_app: str | None = None
    request: ClientRequest | None = None
    hold: Hold | None = None
    breaks: Breaks | None = None

    @model_validator(mode="after")
    def _one_action(self) -> HistoryEvent:
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


class Refusal(Spec):
    """What the platform refuses from `since` until `until`, for a reason that is not played: capacity, quota, limits.

    It concerns the calls that fit `app`, `region` and `machine` (empty: any).
    """

    action: Literal["create", "start", "stop", "update", "destroy"]
    app: str = ""
    region: str = ""
    machine: str = ""
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    status: int
    body: dict[str, Any] | str


class Settings(Spec):
    """Figures that the platform does not document; the defaults are the working model of the facts.

    `unlisted` are machines that its lists have lost, `embedded_events` how many GET shows of the newest,
    `destroyed_listed_days` how long the lists remember the destroyed ones (None: for good), and
    `fill_in_guest` whether a config that names no guest is kept with the default one.
    """

    auto_destroy_mode: Literal["after_rest", "only_policy_no"] = "after_rest"
    destroyed_visible_ms: int = 30_000
    restart_pause_ms: int = 1_500
    pull_ms: int = 5_000
    list_delay_ms: int = 1_000
    log_retention_days: int = 7
    metrics_retention_days: int = 15
    step_after_write_ms: int = 1_000
    rate_limits: bool = True
    region: str = "sin"
    error_regions: list[str] = []
    unlisted: list[str] = []
    embedded_events: int = 5
    destroyed_listed_days: float | None = None
    fill_in_guest: bool = True


class World(Spec):
    orgs: dict[str, Org]
    apps: dict[str, App]
    tokens: list[Token] = []
    images: list[Image] = []
    programs: dict[str, Program] = {}
    history: list[HistoryEvent] = []
    records: Records = Records()
    status: list[dict[str, Any]] = []
    faults: list[Fault] = []
    refuses: list[Refusal] = []

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
            if entry.create_app is not None and entry.create_app not in self.apps:
                raise ValueError(f"the history makes the app {entry.create_app!r}, which is no app of the world")
            if entry.create is not None and entry.create.app not in self.apps:
                raise ValueError(f"the history creates a machine in {entry.create.app!r}, which is no app of the world")
        return self


class Expect(Spec):
    """What a correct diagnosis of this scenario says; slugs of the cause catalogue.

    `open` are the readings that the evidence allows side by side, where no cause can be established.
    `hygiene` are findings of the config audit, which are never a cause. Without the facet `decided_by` (its number),
    no cause can be established.
    """

    verdict: Literal["incident", "healthy", "inconclusive"]
    cause: str | None
    contributing: list[str] = []
    open: list[str] = []
    hygiene: list[str] = []
    refuted: list[str] = []
    mentions: list[str] = []
    decided_by: str = ""


class ScenarioFile(Spec):
    title: str
    truth: str
    look_at: datetime
    token: str = ""
    parameters: dict[str, str]
    expect: Expect
    expect_tested: Expect | None = None
    """The diagnosis after both test machines of step 4; None where the scenario is not about them."""
    settings: Settings = Field(default_factory=Settings)
    world: World
