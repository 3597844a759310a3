"""The HTTP client that knows Fly's hosts: authentication by host, rate budget, retries.

What it may send is a list of (method, host, path); anything else is a programming error and is
refused before it leaves. What changes something is on a list of its own, and is sent only by a client that was
allowed to write. Every attempt becomes an Exchange, failures included.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import tenacity

from runbooks import __version__
from runbooks.base.errors import DiskError
from runbooks.base.runbook import MAX_REQUESTS
from runbooks.collect.allowed_requests import ALLOWED, WRITES, is_listed
from runbooks.collect.answer import Answer, CouldNotAsk, read_answer
from runbooks.collect.long_list import LongList
from runbooks.collect.rate_budget import RateBudget
from runbooks.collect.shared_answers import SharedAnswer, SharedAnswers
from runbooks.collect.transport import HttpTransport, NoAnswer, RawAnswer, Transport
from runbooks.evidence.models import Exchange, Reason
from runbooks.evidence.redaction import Redactor, elements, token_kind

MACHINES = "https://api.machines.dev"
PLATFORM = "https://api.fly.io"

PATIENCE = 10.0
"""Seconds for one answer."""
SPARE_RETRIES = 3


@dataclass(frozen=True, slots=True)
class _Call:
    """One request, and how it is made.

    `seconds` is the time for an answer; `insists` says that neither deadline nor budget of the run stops it.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    action: str
    identifier: str
    prepare: Callable[[Any], Any] | None = None
    long_list: Callable[[], LongList] | None = None
    content: bytes | None = None
    seconds: float = PATIENCE
    insists: bool = False
    once: bool = False
    page: bool = False


@dataclass
class Client:
    """Asks; `journal` holds the exchanges of the current facet until `take()` collects them.

    `project_urls` matches what may be asked of the caller's own project on the web; `grants` are the
    pull tokens that registries gave out, by the address that they are for. What the project is asked
    has a budget of its own.
    `repeats` belongs to a replay: it says whether this (method, url) was asked once more, so that a
    replay tries again exactly where the recorded run did. `keep` is called with each exchange when it is complete.
    `recorded` belongs to a replay, too: it says whether this was asked at all, where the recorded run decided by
    something that a replay cannot see (its time, a file on its disk).
    `looked_for` are ids and names of machines that a long list is searched for.
    `may_write` allows `write`; `announce` is called with a sentence before a write, `intend` with its description.
    `shared` holds what other runs of a sweep were answered, while something is asked that is the same for all of them;
    `handed_on` belongs to a replay, and has the answer where the recorded run took it from there.
    `most_requests` is the budget of the run. While `cleaning`, an answer that cannot be kept on disk stops nothing.
    """

    transport: Transport
    token: str
    redactor: Redactor
    now: Callable[[], datetime]
    time_left: Callable[[], float]
    budget: RateBudget = field(default_factory=RateBudget)
    sleep: Callable[[float], None] = time.sleep
    allowed_urls: frozenset[str] = frozenset()
    project_urls: re.Pattern[str] = re.compile(r"(?!)")
    grants: dict[str, str] = field(default_factory=dict, repr=False)
    spent_on_project: int = 0
    pages: int = 0
    looked_for: frozenset[str] = frozenset()
    journal: list[Exchange] = field(default_factory=list)
    by_host: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    facet: str = ""
    repeats: Callable[[str, str], bool] | None = None
    recorded: Callable[[str, str], bool] | None = None
    shared: SharedAnswers | None = None
    handed_on: Callable[[str, str], RawAnswer | None] = lambda method, url: None
    keep: Callable[[Exchange], None] = lambda exchange: None
    may_write: bool = False
    announce: Callable[[str], None] = lambda sentence: None
    intend: Callable[[Mapping[str, Any]], None] = lambda description: None
    most_requests: int = MAX_REQUESTS
    cleaning: bool = False
    _down: dict[str, str] = field(default_factory=dict)

    def take(self, facet: str) -> tuple[Exchange, ...]:
        """End the current facet, begin the next one, and return what was exchanged."""
        taken, self.journal, self.facet = tuple(self.journal), [], facet
        return taken

    def recall(self, exchanges: Iterable[Exchange]) -> None:
        """In a replay: exchanges whose answer was saved whole, so that nobody asks for them again."""
        for exchange in exchanges:
            self.now()  # the run read its clock for each of them
            self.by_host[urlsplit(exchange.url).netloc] += 1
            self.retries += exchange.attempt > 1
            self.journal.append(exchange)

    def get(
        self,
        url: str,
        action: str,
        identifier: str,
        *,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        prepare: Callable[[Any], Any] | None = None,
        long_list: Callable[[], LongList] | None = None,
        page: bool = False,
    ) -> Answer:
        """Ask once, and again where that is polite; raise CouldNotAsk when no answer came.

        `prepare` is given the parsed body before anything is masked or recorded, and says what is to be kept of it.
        `long_list` makes the reader of a body that is too long to be kept whole.
        `page` says that it goes on with a list: whoever reads it limits its pages, and they are outside of the budget.
        """
        self._must_be_allowed(method, url)
        return self._ask(_Call(method, url, headers or {}, action, identifier, prepare, long_list, page=page))

    def wait(self, url: str, action: str, identifier: str, seconds: float) -> Answer:
        """Ask once for something that the API answers only when it has happened, within so many seconds."""
        self._must_be_allowed("GET", url)
        return self._ask(_Call("GET", url, {}, action, identifier, seconds=seconds, once=True))

    def write(
        self,
        method: str,
        url: str,
        action: str,
        identifier: str,
        *,
        sentence: str,
        description: Mapping[str, Any],
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Send one request that changes something, without a second attempt.

        Args:
            sentence: announces it, before it is sent
            description: what the journal keeps of it, before it is sent; it holds no value of an environment
            body: what is sent; it is kept nowhere

        Raises:
            AssertionError: this client may not write, or not this
            CouldNotAsk: no answer came, so it may have been done or not
            DiskError: the journal cannot be written; a removal is sent all the same
        """
        if not (self.may_write and is_listed(method, url, WRITES)):
            parts = urlsplit(url)
            raise AssertionError(f"{method} {parts.netloc}{parts.path} is not on the list of what may be sent")
        self.announce(self.redactor.text(sentence, "announcement"))
        removes = method == "DELETE"
        with suppress(*((DiskError,) if removes else ())):
            told = {"facet": self.facet, "method": method, "url": recorded_url(method, url), **description}
            self.intend(self.redactor.value(told, "journal"))
        content = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        return self._ask(
            _Call(method, url, headers, action, identifier, content=content, seconds=30, insists=removes, once=True)
        )

    def _ask(self, call: _Call) -> Answer:
        if raw := self.handed_on(call.method, call.url):
            return self._taken_over(call, raw, read_answer(raw, self.redactor, self.facet))
        if self.shared is None or call.method != "GET":
            return self._asked(call)
        with self.shared.alone(self.facet, call.url, self.time_left()):
            found = self.shared.find(self.facet, call.url, self.looked_for)
            if found is None:
                answer = self._asked(call)
                self._leave(call, answer)
                return answer
        text = self.redactor.adopt(found.body, found.masked, f"{self.facet} body")
        raw = RawAnswer(found.status, found.headers, text.encode(), listed=found.listed, handed_on_at=found.seen_at)
        if self.redactor.knows_in(text):  # a secret of this run, which the other one did not know
            return self._taken_over(call, raw, read_answer(raw, self.redactor, self.facet))
        return self._taken_over(call, raw, Answer(raw.status, text, json.loads(text), raw.headers, listed=raw.listed))

    def _taken_over(self, call: _Call, raw: RawAnswer, answer: Answer) -> Answer:
        """What another run was answered: recorded with its time, and not counted as a request of this one."""
        at = raw.handed_on_at or self.now()
        self._record(call.method, call.url, at, time.monotonic(), 1, answer=answer, handed_on=True)
        return answer

    def _leave(self, call: _Call, answer: Answer) -> None:
        """Leave a complete answer for the other runs of the sweep."""
        if self.shared is None or not answer.ok or answer.cut or answer.json is None:
            return
        at, looked_for = self.journal[-1].at.isoformat(), tuple(sorted(self.looked_for))
        masked = tuple(self.redactor.behind(answer.body))
        told = SharedAnswer(answer.status, dict(answer.headers), answer.body, answer.listed, at, looked_for, masked)
        self.shared.leave(self.facet, call.url, told)

    def _asked(self, call: _Call) -> Answer:
        host = urlsplit(call.url).netloc
        if host in self._down and not call.insists:
            raise CouldNotAsk(f"{host} was not asked again: {self._down[host]}", Reason.UNREACHABLE)
        own = {"User-Agent": f"fly-runbooks/{__version__}", **self._authorization(call.method, call.url)}
        call = replace(call, headers={**own, **call.headers})
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Transient),
            stop=self._stop,
            wait=self._wait,
            sleep=self.sleep,
            reraise=True,
        )
        try:
            return retrying(self._attempt, call, retrying)
        except _Transient as transient:
            if transient.answer is not None:
                return transient.answer
            if not transient.connected:
                self._down[host] = f"{transient.reason} ({self.facet})"
            code = Reason.NONE if transient.connected else Reason.UNREACHABLE
            raise CouldNotAsk(f"{host} did not answer: {transient.reason}", code) from None

    def _attempt(self, call: _Call, retrying: Any) -> Answer:
        method, url = call.method, call.url
        number = int(retrying.statistics.get("attempt_number", 1))
        own = bool(self.project_urls.fullmatch(url))
        spent = self.spent_on_project if own else sum(self.by_host.values()) - self.spent_on_project - self.pages
        limit = MAX_REQUESTS if own else self.most_requests
        if spent >= limit and not (call.insists or call.page):
            raise CouldNotAsk(f"the budget of {limit} requests for one investigation was used up")
        if self.time_left() > 0 and not (own and call.page):
            self.budget.wait(call.action, call.identifier)
        seconds = call.seconds if call.insists else min(call.seconds, self.time_left())
        if seconds <= 0:
            raise CouldNotAsk("the run's deadline had passed")
        self.by_host[urlsplit(url).netloc] += 1
        self.spent_on_project += own and not call.page
        self.pages += call.page
        self.retries += number > 1
        at, begun = self.now(), time.monotonic()
        headers = call.headers
        try:
            if call.long_list is not None and isinstance(self.transport, HttpTransport):
                raw = self.transport.send(method, url, headers, seconds, call.long_list())
            elif call.content is not None:
                raw = self.transport.send(method, url, headers, seconds, content=call.content)
            else:
                raw = self.transport.send(method, url, headers, seconds)
        except NoAnswer as failure:
            reason = self.redactor.text(failure.reason, "error")
            self._record(method, url, at, begun, number, error=reason, connected=failure.connected)
            raise _Transient(reason, connected=failure.connected) from None
        answer = read_answer(raw, self.redactor, self.facet, call.prepare)
        self._record(method, url, at, begun, number, answer=answer)
        if answer.status in (408, 429) or answer.status >= 500:
            raise _Transient(f"HTTP {answer.status}", answer=answer)
        return answer

    def _stop(self, state: tenacity.RetryCallState) -> bool:
        call: _Call = state.args[0]
        if call.once:
            return True
        if self.repeats is not None:
            return not self.repeats(call.method, call.url)
        return state.attempt_number >= 3 or self.retries >= SPARE_RETRIES or self._wait(state) >= self.time_left()

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """`Retry-After` is obeyed; without it, a short pause that doubles."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _Transient) and error.answer is not None:
            stated = _seconds(error.answer.headers.get("retry-after", ""), error.answer.headers.get("date", ""))
            if stated is not None:
                return stated
        return float(0.2 * 2 ** (state.attempt_number - 1))

    def _authorization(self, method: str, url: str) -> dict[str, str]:
        """The scheme each host wants (§1.1); the token goes to Fly's hosts and to no other."""
        token, host = ",".join(elements(self.token)), urlsplit(url).netloc
        if not token or host not in {"api.machines.dev", "api.fly.io", "registry.fly.io"}:
            return {}
        if not is_listed(method, url, (*ALLOWED, *WRITES)):
            return {}
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise CouldNotAsk(
                "the token (FLY_API_TOKEN) holds a space or a character that no header can carry", Reason.BAD_TOKEN
            )
        if host == "registry.fly.io":
            return {"Authorization": "Basic " + base64.b64encode(f"x:{token}".encode()).decode()}
        return {"Authorization": f"{'FlyV1' if token_kind(token) == 'macaroon' else 'Bearer'} {token}"}

    def _record(
        self,
        method: str,
        url: str,
        at: datetime,
        begun: float,
        number: int,
        *,
        answer: Answer | None = None,
        error: str | None = None,
        connected: bool = True,
        handed_on: bool = False,
    ) -> None:
        body = answer.body if answer else ""
        headers = dict(answer.headers) if answer else {}
        if answer and answer.location:
            headers["location"] = self.redactor.text(recorded_url(method, answer.location), f"{self.facet} header")
        self.journal.append(
            Exchange(
                facet=self.facet,
                method=method,
                url=self.redactor.text(recorded_url(method, url), f"{self.facet} url"),
                at=at,
                status=answer.status if answer else None,
                body=body,
                sha256=hashlib.sha256(body.encode("utf-8", errors="replace")).hexdigest(),
                request_id=headers.get("fly-request-id"),
                headers=tuple(sorted(headers.items())),
                error=error,
                duration_ms=(time.monotonic() - begun) * 1000,
                attempt=number,
                connected=connected,
                cut=answer.cut if answer else False,
                listed=answer.listed if answer else None,
                handed_on=handed_on,
            )
        )
        with suppress(*((DiskError,) if self.cleaning else ())):
            self.keep(self.journal[-1])

    def _must_be_allowed(self, method: str, url: str) -> None:
        if (method == "GET" and (url in self.allowed_urls or self.project_urls.fullmatch(url))) or is_listed(
            method, url, ALLOWED
        ):
            return
        parts = urlsplit(url)
        raise AssertionError(f"{method} {parts.netloc}{parts.path} is not on the list of what may be sent")


def recorded_url(method: str, url: str) -> str:
    """Where a redirect led is worth keeping, the signature in its query is not."""
    parts = urlsplit(url)
    if not parts.query or parts.netloc in {"api.machines.dev", "api.fly.io", "api.supabase.com"}:
        return url
    if parts.netloc.endswith(".supabase.co"):
        return url
    return parts._replace(query="").geturl()


def _seconds(stated: str, date: str) -> float | None:
    """`Retry-After`: seconds, or a date that is compared with the sender's own clock."""
    if re.fullmatch(r"[0-9]{1,300}(?:\.[0-9]{1,9})?", stated.strip()):
        return float(stated)
    try:
        until = parsedate_to_datetime(stated)
        now = parsedate_to_datetime(date) if date else datetime.now(UTC)
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError, IndexError):
        return None


class _Transient(Exception):
    """A failure that may pass: no answer, or an answer that says "later"."""

    def __init__(self, reason: str, *, connected: bool = True, answer: Answer | None = None) -> None:
        super().__init__(reason)
        self.reason, self.connected, self.answer = reason, connected, answer
