"""A guard for the code that creates Fly Machines. Standard library only, Python 3.9 or newer.

`provision()` checks the image, creates the machine, and waits until it is settled: `started`, and still so some
seconds later. A 200 of the create call is no proof of that. Where it does not settle, the result holds a capsule: what
was asked, answered and seen, collected before the platform forgets it, with names and without values.

    result = provision(app="my-app", token=TOKEN, name="worker-7", region="fra", config={"image": IMAGE},
                       observed=lambda seen: update_row(seen["status"]))
    if result["outcome"] != "settled":
        log(json.dumps(result["capsule"]))

`capture()` makes such a capsule of a machine that exists already. Written by fly-runbooks.
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import json
import re
import secrets
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

Json = Dict[str, Any]
Seen = Callable[[Json], Any]
End = Tuple[str, str]

SCHEMA = "fly-runbooks/capsule/1"
MAX_CAPSULE = 256_000
_MAX_BODY = 4_000_000
_ENDED = ("failed", "launch_failed", "destroyed", "suspended")
_MANIFESTS = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.list.v2",
        "docker.distribution.manifest.v2",
    )
)


class Clock:
    """Seconds since 1970 that never run backwards, and a pause."""

    def __init__(self) -> None:
        self._begin = time.time() - time.monotonic()

    def now(self) -> float:
        return self._begin + time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def provision(
    *,
    app: str,
    token: str,
    name: str,
    config: Json,
    region: Optional[str] = None,
    observed: Optional[Seen] = None,
    deadline: float = 120.0,
    settle: float = 10.0,
    health_url: Optional[str] = None,
    check_image: bool = True,
    create_timeout: float = 60.0,
    api_url: str = "https://api.machines.dev",
    logs_url: str = "https://api.fly.io",
    registries: Optional[Mapping[str, str]] = None,
    clock: Optional[Clock] = None,
) -> Json:
    """Create a machine and wait until it is settled.

    Args:
        app, token, name, region, config: as in the create call; the name must be the only one of its kind
        observed: called with {"status", "state", "machine_id", "at"} whenever the state changes, and once at the end;
            `status` is "starting" until the end, then the outcome
        deadline: seconds for everything, the capsule included; keep it below the time limit of your function
        settle: seconds for which the machine must stay `started`
        health_url: has to answer with a 2xx before the machine counts as settled
        check_image: ask the registry before the create call
        create_timeout: seconds for the create call
        api_url, logs_url, registries, clock: for tests; `registries` maps a host to a base URL

    Returns:
        a dictionary: `outcome`, `reason`, `machine_id`, `state`, `image` (exists, missing, could-not-look), `capsule`.
        outcome: settled; refused (no machine was made); failed (it was made, and ended); not-settled (the deadline
        came first); unknown (the create call was not answered, and no machine of that request was found)
    """
    guard = _Guard(app, token, name, deadline, api_url, logs_url, clock or Clock())
    guard.observed, guard.registries = observed, registries or {}
    metadata = {**(config.get("metadata") or {}), "fly_runbooks_guard": guard.marker}
    request = {"name": name, **({"region": region} if region else {}), "config": {**config, "metadata": metadata}}
    json.dumps(request)  # what cannot be sent is the caller's mistake, and is raised here
    try:
        end = guard.run(request, check_image, create_timeout, settle, health_url)
    except Exception as error:  # a mistake in here must neither leave the row at "starting" nor cost the evidence
        end = "unknown", f"guard-failed-{type(error).__name__}"
    return guard.result(*end)


def capture(
    *,
    app: str,
    token: str,
    machine_id: str,
    name: str = "",
    deadline: float = 20.0,
    api_url: str = "https://api.machines.dev",
    logs_url: str = "https://api.fly.io",
    clock: Optional[Clock] = None,
) -> Json:
    """A capsule of a machine that was made earlier: call it as soon as you miss the machine."""
    guard = _Guard(app, token, name, deadline, api_url, logs_url, clock or Clock())
    guard.machine_id = machine_id
    capsule: Json = guard.result("captured", "asked-for")["capsule"]
    return capsule


class _Guard:
    def __init__(
        self, app: str, token: str, name: str, deadline: float, api_url: str, logs_url: str, clock: Clock
    ) -> None:
        self.app, self.name, self.clock = app, name, clock
        self.api, self.logs = api_url.rstrip("/"), logs_url.rstrip("/")
        self.token = re.sub(r"(?i)^(\s*(bearer|flyv1)\s+)+", "", token).strip()
        scheme = "FlyV1" if re.match("fm[12]", self.token) else "Bearer"
        self.headers = {"Authorization": f"{scheme} {self.token}", "User-Agent": "fly-runbooks-guard/1"}
        self.until = clock.now() + deadline
        self.settle_until = self.until - min(15.0, deadline / 4)
        self.marker = secrets.token_hex(8)
        self.observed: Optional[Seen] = None
        self.registries: Mapping[str, str] = {}
        self.request: Json = {}
        self.image: Optional[Json] = None
        self.response: Optional[Json] = None
        self.machine: Json = {}
        self.machine_id = self.machine_at = ""
        self.state: Optional[str] = None
        self.events: Dict[str, Json] = {}
        self.attempts: List[Json] = []

    def run(
        self, request: Json, check_image: bool, create_timeout: float, settle: float, health_url: Optional[str]
    ) -> End:
        self.request = request
        if check_image:
            self.image = self._image(str(request["config"].get("image", "")))
            if self.image["answer"] == "missing":
                return "refused", "image-missing"
        return self._create(create_timeout) or self._settled(settle, health_url)

    # The image: exists, missing, or could not look.

    def _image(self, reference: str) -> Json:
        host, repository, wanted = _parsed(reference)
        base = self.registries.get(host, "https://" + ("registry-1.docker.io" if host == "docker.io" else host))
        headers = {"Accept": _MANIFESTS, "User-Agent": self.headers["User-Agent"]}
        if host == "registry.fly.io":
            headers["Authorization"] = "Basic " + _base64(f"x:{self.token}")
        url = f"{base}/v2/{repository}/manifests/{wanted}"
        answer = self._ask("image", "GET", url, headers, limit=10)
        challenge = answer["headers"].get("www-authenticate", "")
        if answer["status"] == 401 and challenge.lower().startswith("bearer") and host != "registry.fly.io":
            fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
            realm = fields.pop("realm", "")
            if realm.startswith("https://"):
                pass_ = self._ask("image-token", "GET", f"{realm}?{urllib.parse.urlencode(fields)}", {}, limit=10)
                given = _dict(pass_["json"])
                headers["Authorization"] = f"Bearer {given.get('token') or given.get('access_token') or ''}"
                answer = self._ask("image", "GET", url, headers, limit=10)
        if answer["status"] == 200:
            return {"answer": "exists", "digest": answer["headers"].get("docker-content-digest", "")}
        codes = [_dict(error).get("code") for error in _list(_dict(answer["json"]).get("errors"))]
        # A 404 without the registry's own code is the answer of something else, and proves nothing.
        if answer["status"] == 404 and ("MANIFEST_UNKNOWN" in codes or "NAME_UNKNOWN" in codes):
            return {"answer": "missing", "digest": ""}
        return {"answer": "could-not-look", "digest": ""}

    # The create call. It is repeated only where the platform says that it did nothing (429).

    def _create(self, limit: float) -> Optional[End]:
        body = json.dumps(self.request).encode()
        pause = 1.0
        while True:
            answer = self._ask("create", "POST", self._url(), self.headers, body, limit)
            self.response = answer
            status, made = answer["status"], answer["json"]
            if status == 429:
                pause = _retry_after(answer["headers"], self.clock.now()) or pause * 2
                if self.clock.now() + pause >= self.settle_until:
                    return "refused", "rate-limited"
                self.clock.sleep(pause)
                continue
            if status is not None and 400 <= status < 500 and status != 408:
                return "refused", "create-refused"
            if status is not None and status < 300 and isinstance(_dict(made).get("id"), str):
                self._see(made)
                return None
            # A time-out, a 5xx or an unreadable answer: the machine may exist nevertheless.
            return None if self._look_by_name() else ("unknown", "create-unanswered")

    def _look_by_name(self) -> bool:
        until = min(self.clock.now() + 20, self.settle_until)
        while True:
            query = urllib.parse.urlencode({"metadata.fly_runbooks_guard": self.marker})
            answer = self._ask("look-by-name", "GET", f"{self._url()}?{query}", self.headers, limit=10)
            for row in _list(answer["json"]):
                # The marker is of this request: an older machine of the same name is not taken for ours.
                if _dict(_dict(_dict(row).get("config")).get("metadata")).get("fly_runbooks_guard") == self.marker:
                    self._see(row)
                    return True
            if self.clock.now() + 2 >= until:
                return False
            self.clock.sleep(2)

    # Settled: started, and so without an exit for `settle` seconds.

    def _settled(self, settle: float, health_url: Optional[str]) -> End:
        since: Optional[float] = None
        run: Tuple[Any, int] = (None, 0)
        reason, resting = "deadline", 0
        while self.clock.now() < self.settle_until:
            self.clock.sleep(1)
            answer = self._ask("machine", "GET", self._url(self.machine_id), self.headers, limit=10)
            if answer["status"] == 404 and isinstance(answer["json"], dict):
                self.state = "gone"
                return "failed", "destroyed"
            if answer["status"] != 200 or not isinstance(_dict(answer["json"]).get("state"), str):
                continue
            self._see(answer["json"])
            if self.state in _ENDED:
                return "failed", "destroyed" if self.state == "destroyed" else "launch-failed"
            resting = resting + 1 if self.state == "stopped" else 0
            if resting > 2:
                return "failed", "exited"
            exits = sum(event.get("type") == "exit" for event in self.events.values())
            same, run = run == (answer["json"].get("instance_id"), exits), (answer["json"].get("instance_id"), exits)
            if self.state != "started":
                since = None
            elif since is None or not same:
                since = self.clock.now()
            if since is not None and self.clock.now() - since >= settle:
                if not self._critical() and self._healthy(health_url):
                    return "settled", "stayed-started"
                reason = "unhealthy"
        return "not-settled", reason

    def _critical(self) -> bool:
        return any(_dict(check).get("status") == "critical" for check in _list(self.machine.get("checks")))

    def _healthy(self, url: Optional[str]) -> bool:
        if not url:
            return True
        status = self._ask("health", "GET", url, {}, limit=5)["status"]
        return status is not None and 200 <= status < 300

    def _see(self, machine: Json) -> None:
        """Keep the description and its events: the next answer may be a 404."""
        self.machine, self.machine_id = machine, str(machine.get("id"))
        self.machine_at = _iso(self.clock.now())
        for event in _list(machine.get("events")):
            if isinstance(event, dict):
                self.events[str(event.get("id") or len(self.events))] = event
        if machine.get("state") != self.state:
            self.state = machine.get("state")
            self._tell("starting")

    def _tell(self, status: str) -> None:
        if self.observed is None:
            return
        seen = {"status": status, "state": self.state, "machine_id": self.machine_id or None}
        seen["at"] = _iso(self.clock.now())
        try:
            self.observed(seen)
        except Exception as error:  # a database that fails must not cost the evidence
            self._note("observed", "", "", None, type(error).__name__)

    # The capsule.

    def result(self, outcome: str, reason: str) -> Json:
        capsule: Optional[Json] = None
        if outcome != "settled":
            try:
                capsule = self._capsule(outcome, reason)
            except Exception as error:
                capsule = {
                    "schema": SCHEMA,
                    "made_at": _iso(self.clock.now()),
                    "app": self.app,
                    "result": {"outcome": outcome, "reason": reason},
                    "attempts": self.attempts,
                    "incomplete": type(error).__name__,
                }
        if outcome != "captured":
            self._tell(outcome)
        return {
            "outcome": outcome,
            "reason": reason,
            "machine_id": self.machine_id or None,
            "state": self.state,
            "image": self.image,
            "capsule": capsule,
        }

    def _capsule(self, outcome: str, reason: str) -> Json:
        listed: Optional[Json] = None
        log: Optional[List[Json]] = None
        if self.machine_id:
            own = urllib.parse.quote(self.machine_id)
            answer = self._ask("machine", "GET", self._url(own), self.headers, limit=5)
            if answer["status"] == 200 and isinstance(_dict(answer["json"]).get("state"), str):
                self._see(answer["json"])
            answer = self._ask("events", "GET", self._url(f"{own}/events?limit=50"), self.headers, limit=5)
            for event in answer["json"] if answer["status"] == 200 and isinstance(answer["json"], list) else []:
                if isinstance(event, dict):
                    self.events[str(event.get("id"))] = event
            log = self._log(own)
        if self.machine_id or self.response:
            answer = self._ask("listed", "GET", self._url("?include_deleted=true&summary=true"), self.headers, limit=5)
            if answer["status"] == 200 and isinstance(answer["json"], list):
                rows = [
                    r
                    for r in answer["json"]
                    if isinstance(r, dict)
                    and (r.get("id") == self.machine_id if self.machine_id else r.get("name") == self.name)
                ]
                listed = {
                    "deleted": bool(rows) and rows[0].get("state") == "destroyed",
                    "entry": rows[0] if rows else None,
                }
        request = self.request
        mask = _Mask(self._known(), [self.token, *_leaves((request.get("config") or {}).get("env"))])
        events = sorted(self.events.values(), key=lambda e: str(e.get("timestamp")))[-50:] if self.machine_id else None
        # What decides most stands first: log viewers cut long lines.
        capsule = {
            "schema": SCHEMA,
            "made_at": _iso(self.clock.now()),
            "app": self.app,
            "result": {"outcome": outcome, "reason": reason},
            "response": {
                "status": self.response["status"],
                "body": mask.value(self._said(self.response)),
                "request_id": self.response["request_id"],
                "at": self.response["at"],
            }
            if self.response
            else None,
            "machine": mask.value({**self.machine, "events": None}) if self.machine else None,
            "machine_at": self.machine_at if self.machine else None,
            "events": mask.value(events),
            "log": [{**line, "message": mask.text(line["message"])[:1000]} for line in log]
            if log is not None
            else None,
            "request": {
                "name": self.name,
                "region": request.get("region"),
                "image": str(request["config"].get("image", "")),
                "config": mask.value(request["config"]),
                "sha256": hashlib.sha256(json.dumps(request).encode()).hexdigest(),
            }
            if request
            else None,
            "listed": mask.value(listed),
            "image": self.image,
            "attempts": [{**a, "error": mask.text(a["error"]) if a["error"] else None} for a in self.attempts[-100:]],
        }
        return _fitted(capsule)

    def _said(self, answer: Json) -> Any:
        told = answer["json"]
        if isinstance(told, dict):
            return {name: value for name, value in told.items() if name not in ("config", "events")}
        return told if told is not None else answer["text"][:4000]

    def _log(self, own: str) -> Optional[List[Json]]:
        """The lines of this machine; they come a little later than the events."""
        url = f"{self.logs}/api/v1/apps/{urllib.parse.quote(self.app)}/logs?instance={own}"
        for last in (False, True):
            answer = self._ask("log", "GET", url, self.headers, limit=5)
            rows = _dict(answer["json"]).get("data")
            if answer["status"] != 200 or not isinstance(rows, list):
                return None
            lines = [
                _line(row["attributes"])
                for row in rows
                if isinstance(row, dict) and isinstance(row.get("attributes"), dict)
            ]
            if lines or last or self.clock.now() + 5 > self.until:
                return lines[-200:]
            self.clock.sleep(2)
        return None

    def _known(self) -> List[Any]:
        """What may stand as it is: the names of the things themselves."""
        machine = self.machine
        config, ref = self.request.get("config") or _dict(machine.get("config")), _dict(machine.get("image_ref"))
        return [
            self.app,
            self.name,
            self.request.get("region"),
            self.machine_id,
            self.marker,
            config.get("image"),
            machine.get("name"),
            machine.get("instance_id"),
            machine.get("region"),
            ref.get("tag"),
            ref.get("repository"),
            ref.get("digest"),
        ]

    # One request.

    def _url(self, rest: str = "") -> str:
        app = urllib.parse.quote(self.app, safe="")
        return f"{self.api}/v1/apps/{app}/machines" + (rest if rest[:1] in ("?", "") else f"/{rest}")

    def _ask(
        self, step: str, method: str, url: str, headers: Json, body: Optional[bytes] = None, limit: float = 10
    ) -> Json:
        """One attempt, within its own limit and the deadline; never raises, follows no redirect."""
        at, left = _iso(self.clock.now()), self.until - self.clock.now()
        answer: Json = {
            "status": None,
            "headers": {},
            "text": "",
            "json": None,
            "request_id": None,
            "at": at,
            "error": None,
        }
        if left <= 0:
            answer["error"] = "not asked: the deadline has come"
        else:
            sends = {**headers, **({"Content-Type": "application/json"} if body else {})}
            try:
                asked = urllib.request.Request(url, body, sends, method=method)
                answer.update(_within(min(limit, left), asked))
            except Exception as error:
                reason = getattr(error, "reason", error)
                answer["status"], answer["error"] = None, f"{type(reason).__name__}: {reason}"[:200]
        if answer["status"] is not None and answer["status"] >= 400:
            answer["error"] = answer["text"][:300]
        self._note(step, method, url, answer, answer["error"])
        return answer

    def _note(self, step: str, method: str, url: str, answer: Optional[Json], error: Optional[str]) -> None:
        answer = answer or {"status": None, "request_id": None, "at": _iso(self.clock.now())}
        made = {
            "step": step,
            "method": method,
            "url": url.partition("?")[0],
            "status": answer["status"],
            "error": error,
        }
        last = self.attempts[-1] if self.attempts else {}
        if made == {name: last.get(name) for name in made}:
            last.update(times=last["times"] + 1, last_at=answer["at"], request_id=answer["request_id"])
        else:
            self.attempts.append({**made, "at": answer["at"], "request_id": answer["request_id"], "times": 1})


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _within(seconds: float, asked: urllib.request.Request) -> Json:
    """The answer, if it comes in time: no time-out of a socket bounds a lookup of a name, or a slow head."""
    told: Json = {}

    def work() -> None:
        try:
            told["answer"] = _exchange(asked, seconds)
        except Exception as error:
            told["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if "error" in told:
        raise told["error"]
    if "answer" not in told:
        raise TimeoutError("no answer in time")
    answer: Json = told["answer"]
    return answer


def _exchange(asked: urllib.request.Request, seconds: float) -> Json:
    end = time.monotonic() + seconds
    try:
        response = urllib.request.build_opener(_NoRedirect).open(asked, timeout=seconds)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        data = b""
        while True:
            chunk = response.read1(65536)
            data += chunk
            if not chunk:
                break
            if time.monotonic() > end or len(data) > _MAX_BODY:
                raise TimeoutError("the answer did not end in time" if len(data) <= _MAX_BODY else "too long an answer")
    headers = {name.lower(): value for name, value in response.headers.items()}
    text = data.decode("utf-8", "replace")
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    told = {"status": response.status, "headers": headers, "text": text, "json": parsed}
    return {**told, "request_id": headers.get("fly-request-id")}


class _Mask:
    """Takes the values out, and leaves the names. The same value gets the same placeholder."""

    _SECRETISH = r"pass|pwd|secret|token|key|auth|cred|cookie|signature|\bsig\b|dsn|session|private|nonce"
    _HIDDEN_KEYS = frozenset(("env", "raw_value", "headers", "secrets", "values", "metadata"))
    _PLAIN_KEYS = frozenset(
        ("id", "instance_id", "version", "digest", "private_ip", "guest_path", "tag", "repository", "volume")
    )
    _NAMED = re.compile(rf"(?i)([\w.-]*(?:{_SECRETISH})[\w.-]*[\"']?\s*(?:=>|[:=])\s*[\"']?)([^\s\"',;&]+)")
    _REST = re.compile(r"(?i)((?:authorization|cookie)[\"']?\s*[:=]\s*|\b(?:bearer|basic|flyv1)\s+)[^\r\n]+")
    _WORDS_OF_ABSENCE = re.compile(
        r"(?i)(not|is|are|must|should|required|missing|undefined|null|none|unset|empty|invalid|field|unbound|no|cannot|"
        r"parameter|environment|expected|string|true|false|error|failed|denied|expired|<.*)\W*$"
    )
    _TOKEN = re.compile(r"[^\s\"'`<>(){}\[\],;|\\]+")
    # What the platform itself hands out: digests, volumes, machines, versions.
    _IDS = re.compile(r"sha256:[0-9a-f]{64}|\bvol_[a-z0-9]{8,32}\b|\b[0-9a-f]{14}\b|\b01[0-9A-HJKMNP-TV-Z]{24}\b")

    def __init__(self, known: Iterable[Any], secret: Iterable[Any]) -> None:
        self._known = [k for k in known if isinstance(k, str) and len(k) > 2]
        self._secret = sorted({s for s in secret if isinstance(s, str) and len(s) > 5}, key=len, reverse=True)
        self._numbers: Dict[str, int] = {}

    def placeholder(self, value: Any) -> str:
        return f"<secret:value#{self._numbers.setdefault(str(value), len(self._numbers) + 1)}>"

    def value(self, value: Any, key: str = "", hidden: bool = False) -> Any:
        if isinstance(value, dict):
            return {
                str(k): self.value(
                    v,
                    str(k),
                    (hidden or k in self._HIDDEN_KEYS) and not (key == "metadata" and str(k).startswith("fly_")),
                )
                for k, v in value.items()
            }
        if isinstance(value, list):
            flags = [
                False,
                *(isinstance(v, str) and bool(re.match(rf"(?i)-.*({self._SECRETISH})[\w-]*$", v)) for v in value),
            ]
            return [self.value(v, key, hidden or flag) for v, flag in zip(value, flags)]
        if value is None or value == "" or isinstance(value, bool):
            return value
        plain = isinstance(value, str) and key in self._PLAIN_KEYS and re.match(r"[A-Za-z0-9:._/-]{1,90}\Z", value)
        if plain and not hidden:
            return value
        if hidden or (isinstance(value, str) and re.search(rf"(?i){self._SECRETISH}", key)):
            return self.placeholder(value)
        if not isinstance(value, str):
            return value
        return self.text(value)

    def text(self, text: str) -> str:
        text = re.sub(r"\x1b\[[0-9;]*m", "", text)
        for secret in self._secret:
            text = text.replace(secret, self.placeholder(secret))
        text = self._REST.sub(lambda m: m[1] + self.placeholder(m[0]), text)
        text = self._NAMED.sub(
            lambda m: m[0] if self._WORDS_OF_ABSENCE.match(m[2]) else m[1] + self.placeholder(m[2]), text
        )
        # What is masked by now is kept apart, so that no rule reads a placeholder as a word.
        parts = re.split(r"(<secret:value#\d+>)", text)
        return "".join(p if p.startswith("<secret:") else self._TOKEN.sub(self._word, p) for p in parts)

    def _word(self, match: re.Match[str]) -> str:
        """Free text is kept word by word: words, small numbers, short codes. Whatever is opaque is masked."""
        word = bare = match[0]
        for known in self._known:
            bare = bare.replace(known, "")
        bare = self._IDS.sub("", bare)
        opaque = re.search(r"[^/]@", bare) or re.search(r"\?.*=", bare)
        return self.placeholder(word) if opaque or any(map(_opaque, re.split(r"[^A-Za-z0-9]+", bare))) else word


def _opaque(piece: str) -> bool:
    if piece.isdigit():
        return len(piece) > 13
    if not piece.isalpha():
        return len(piece) > 7
    humps = re.findall(r"[A-Z]*[a-z]*", piece)[:-1]
    return len(piece) > 7 and (len(piece) < 3 * len(humps) or max(map(len, humps)) > 22)


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> List[Any]:
    return value if isinstance(value, list) else []


def _leaves(value: Any) -> List[str]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    return [value] if isinstance(value, str) else []


def _fitted(capsule: Json) -> Json:
    """Below the limit: the oldest lines go first, then the config's and the answers' length."""
    while len(json.dumps(capsule, ensure_ascii=True)) > MAX_CAPSULE:
        if capsule["log"]:
            capsule["log"] = capsule["log"][(len(capsule["log"]) + 1) // 2 :]
        else:
            part = max(
                ("machine", "events", "listed", "response", "request", "attempts"),
                key=lambda name: len(json.dumps(capsule[name])),
            )
            capsule[part] = [] if part in ("events", "attempts") else None
        capsule["shortened"] = True
    return capsule


def _line(attributes: Json) -> Json:
    event = _dict(_dict(attributes.get("meta")).get("event"))
    told = {"at": attributes.get("timestamp"), "provider": event.get("provider")}
    told.update((key, attributes.get(key)) for key in ("message", "level", "instance", "region"))
    return {key: str(value or "") for key, value in told.items()}


def _parsed(reference: str) -> Tuple[str, str, str]:
    """(host, repository, tag or digest) of an image reference."""
    name, _, digest = reference.partition("@")
    first, _, rest = name.partition("/")
    host, path = (first, rest) if rest and re.search(r"[.:]|^localhost$", first) else ("docker.io", name)
    path, _, tag = path.partition(":")
    if host == "docker.io" and "/" not in path:
        path = f"library/{path}"
    return host, path, digest or tag or "latest"


def _retry_after(headers: Mapping[str, str], now: float) -> Optional[float]:
    told = headers.get("retry-after", "")
    if told.isdigit():
        return float(told)
    try:
        return max(1.0, email.utils.parsedate_to_datetime(told).timestamp() - now)
    except (TypeError, ValueError, IndexError):
        return None


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _iso(seconds: float) -> str:
    at = datetime.fromtimestamp(seconds, timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
