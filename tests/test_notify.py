"""Messages about changes, to a real HTTP receiver and a real mail server."""

from __future__ import annotations

import http.server
import json
import random
import re
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from runbooks.base.errors import UsageError
from runbooks.execution import addresses, notify
from runbooks.execution.notify import Outcome
from tests.ports import reserved_port

STATES = (
    ("HEALTHY", "", ""),
    ("LIKELY CAUSE", "out-of-memory", "likely"),
    ("ROOT CAUSE IDENTIFIED", "out-of-memory", "confirmed"),
    ("ROOT CAUSE IDENTIFIED", "startup-crash", "confirmed"),
    ("INCONCLUSIVE", "", ""),
)


class Receiver:
    """An HTTP server that keeps what is posted; while `broken`, it answers 500."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.broken = False
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(500 if receiver.broken else 200)
                self.end_headers()
                if not receiver.broken:
                    receiver.got.append(json.loads(body))

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"json://127.0.0.1:{self.server.server_port}/hook-8d7f6a5b4c3d2e1f"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.server.shutdown()
    found.server.server_close()


class Mailbox:
    def __init__(self) -> None:
        self.got: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.got.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


def test_twenty_sweeps_send_exactly_the_changes(tmp_path: Path, receiver: Receiver) -> None:
    chance = random.Random(7)
    world: dict[str, tuple[str, str, str]] = {}
    told: dict[str, tuple[str, str, str]] = {}
    expected: list[set[str]] = []
    for _ in range(20):
        for name in chance.sample(range(9), chance.choice((0, 1, 3))):
            world[f"fleet app m{name}"] = chance.choice(STATES)
        changed = {
            subject
            for subject, state in world.items()
            if (state != told[subject] if subject in told else state[0] != "HEALTHY")
        }
        told = dict(world)
        if changed:
            expected.append(changed)
        outcomes = [Outcome(subject, *state, "headline", "/r/report.html") for subject, state in world.items()]
        assert notify.tell(outcomes, tmp_path, [receiver.address], notify.deliver, "/r/index.html").warnings == ()
    assert 5 < len(expected) < 20
    assert [message["title"] for message in receiver.got] == [
        f"fly-runbooks: {len(changed)} change{'s' * (len(changed) > 1)}" for changed in expected
    ]
    for message, changed in zip(receiver.got, expected, strict=True):
        lines = message["message"].splitlines()
        assert len(lines) <= notify.MOST_LINES
        assert {line.partition(":")[0] for line in lines if line.startswith("fleet")} == changed
        assert lines[-1] == "All runs: /r/index.html"


def test_a_message_that_is_not_taken_is_kept_told_and_sent_with_the_next(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify.deliver.retry, "sleep", lambda seconds: None)  # type: ignore[attr-defined]
    bad, good = Outcome("run app m1", *STATES[2], "headline"), Outcome("run app m1", *STATES[0], "headline")
    receiver.broken = True
    (warning,) = notify.tell([bad], tmp_path, [receiver.address], notify.deliver).warnings
    assert f"JSON to 127.0.0.1:{receiver.server.server_port} could not be delivered" in warning
    assert "hook-8d7f6a5b4c3d2e1f" not in warning
    assert "hook-8d7f6a5b4c3d2e1f" not in (tmp_path / notify.STATE).read_text()
    receiver.broken = False
    assert notify.tell([good], tmp_path, [receiver.address], notify.deliver).warnings == ()
    assert notify.tell([good], tmp_path, [receiver.address], notify.deliver).warnings == ()
    assert [message["message"].split(": ")[1][:6] for message in receiver.got] == ["new → ", "ROOT C"]
    assert [message["message"].split(" → ")[1][:7] for message in receiver.got] == ["ROOT CA", "HEALTHY"]


def test_only_the_address_that_failed_gets_it_again(tmp_path: Path) -> None:
    sent: list[tuple[str, str]] = []
    down = {"b://2"}

    def deliver(address: str, title: str, body: str) -> bool:
        if address not in down:
            sent.append((address, body.split(" → ")[1].split(" ")[0]))
        return address not in down

    notify.tell([Outcome("s", "INCONCLUSIVE")], tmp_path, ["a://1", "b://2"], deliver)
    down.clear()
    notify.tell([Outcome("s", "HEALTHY")], tmp_path, ["a://1", "b://2"], deliver)
    assert sent == [
        ("a://1", "INCONCLUSIVE"),
        ("b://2", "INCONCLUSIVE"),
        ("a://1", "HEALTHY"),
        ("b://2", "HEALTHY"),
    ]


class Post:
    """A stand-in for delivery: addresses that are `down` take nothing."""

    def __init__(self, *down: str) -> None:
        self.down, self.sent = set(down), list[tuple[str, str]]()

    def __call__(self, address: str, title: str, body: str) -> bool:
        if address not in self.down:
            self.sent.append((address, body.split(" → ")[1].split(" ")[0]))
        return address not in self.down


# Addresses of the first sweep, those of the second one, which of the first did not take it, and who gets what was kept.
CORRECTED = {
    "corrected": ("a b", "a B", "b", ["B"], 0),
    "moved": ("a b", "b a", "b", ["b"], 0),
    "both corrected": ("a b", "A B", "a b", ["A", "B"], 0),
    "one corrected, one more": ("a b", "a B c", "b", ["B"], 0),
    "one corrected, one less": ("a b", "B", "b", ["B"], 0),
    "removed": ("a b", "a", "b", [], 1),
}


@pytest.mark.parametrize("name", CORRECTED)
def test_what_was_kept_follows_a_corrected_address(name: str, tmp_path: Path) -> None:
    before, after, down, expected, lost = CORRECTED[name]
    post = Post(*(f"{one}://1" for one in down.split()))
    first = [f"{one}://1" for one in before.split()]
    assert len(notify.tell([Outcome("s", "INCONCLUSIVE")], tmp_path, first, post).warnings) == len(post.down)
    post.down.clear()
    post.sent.clear()
    now = [f"{one}://1" for one in after.split()]
    told = notify.tell([Outcome("s", "INCONCLUSIVE")], tmp_path, now, post)
    assert post.sent == [(f"{one}://1", "INCONCLUSIVE") for one in expected]
    assert len(told.warnings) == lost
    assert "nothing changed" in told.said
    assert notify.tell([], tmp_path, now, post).warnings == ()
    assert json.loads((tmp_path / notify.STATE).read_text())["waiting"] == []


def test_an_address_that_is_corrected_twice_is_followed_and_never_written(tmp_path: Path) -> None:
    secret = "json://host/hook-8d7f6a5b4c3d2e1f"
    post = Post(f"{secret}1", f"{secret}2")
    for number in (1, 2, 3):
        notify.tell([Outcome("s", "INCONCLUSIVE")], tmp_path, [f"{secret}{number}"], post)
        assert "hook-8d7f6a5b4c3d2e1f" not in (tmp_path / notify.STATE).read_text()
    assert post.sent == [(f"{secret}3", "INCONCLUSIVE")]


TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12315544/"


@pytest.mark.parametrize(
    ("before", "after", "follows"),
    [
        ("json://a.example:1/x", "json://u:p@a.example:2/y", True),
        ("slack://T1234567A/B1234567A/" + "c" * 24, "slack://T1234567A/B1234567A/" + "d" * 24, True),
        ("json://a.example/x", TELEGRAM, False),
        ("json://a.example/x", "json://b.example/x", False),
        ("json://a.example/x", "xml://a.example/x", False),
    ],
)
def test_what_was_kept_goes_to_nobody_else(before: str, after: str, follows: bool, tmp_path: Path) -> None:
    post = Post(before)
    notify.tell([Outcome("s", "INCONCLUSIVE")], tmp_path, [before], post)
    told = notify.tell([Outcome("s", "INCONCLUSIVE")], tmp_path, [after], post)
    assert post.sent == ([(after, "INCONCLUSIVE")] if follows else [])
    assert len(told.warnings) == (0 if follows else 1)


def test_what_an_older_version_kept_is_sent_to_the_same_address(tmp_path: Path) -> None:
    post = Post("json://host/in")
    notify.tell([Outcome("s", "INCONCLUSIVE")], tmp_path, ["json://host/in"], post)
    state = tmp_path / notify.STATE
    state.write_text(re.sub(r"[0-9a-f]{16}\.", "", state.read_text()))
    post.down.clear()
    assert notify.tell([], tmp_path, ["json://host/in"], post).warnings == ()
    assert len(post.sent) == 1


def test_it_is_said_what_was_sent(tmp_path: Path) -> None:
    post = Post()
    to = ["json://oncall:secret-word@127.0.0.1:9099/corrected", "slack://T1234567A/B1234567A/" + "c" * 24]
    bad, two = Outcome("s", "INCONCLUSIVE"), Outcome("t", "INCONCLUSIVE")
    said = [notify.tell(found, tmp_path, to, post).said for found in ([bad], [bad], [two])]
    assert said[0] == "A message about 1 change was sent: JSON to 127.0.0.1:9099, Slack."
    assert said[1] == "No message was needed: nothing changed since the last one."
    post.down = set(to)
    told = notify.tell([Outcome("s", "HEALTHY"), Outcome("t", "HEALTHY")], tmp_path, to, post)
    assert told.said == "No message was taken: 2 changes."
    assert len(told.warnings) == 2
    assert "secret-word" not in f"{told}{said}"
    assert "corrected" not in f"{told}{said}"


def test_only_the_new_message_is_told_as_sent(tmp_path: Path) -> None:
    post = Post("json://host/in")
    notify.tell([Outcome("s", "INCONCLUSIVE")], tmp_path, ["json://host/in"], post)

    def deliver(address: str, title: str, body: str) -> bool:
        return "→ INCONCLUSIVE" in body

    told = notify.tell([Outcome("s", "HEALTHY")], tmp_path, ["json://host/in"], deliver)
    assert told.said == "No message was taken: 1 change."
    assert len(told.warnings) == 1


def test_an_address_that_stands_twice_is_told_once(tmp_path: Path) -> None:
    post = Post()
    told = notify.tell([Outcome("s", "INCONCLUSIVE")], tmp_path, ["json://host/in"] * 2, post)
    assert (told.said, len(post.sent)) == ("A message about 1 change was sent: JSON to host.", 1)


def test_mail_arrives_through_a_real_server(tmp_path: Path) -> None:
    mailbox = Mailbox()
    with reserved_port() as port:
        server = Controller(mailbox, hostname="127.0.0.1", port=port)
        server.start()
        try:
            address = f"mailto://127.0.0.1:{port}/?mode=insecure&from=runbooks@example.com&to=oncall@example.com"
            assert addresses.addresses_of(address) == [address]
            notify.tell([Outcome("run app m1", *STATES[3], "It crashes.")], tmp_path, [address], notify.deliver)
        finally:
            server.stop()
    (mail,) = mailbox.got
    assert mail["to"] == "oncall@example.com"
    assert mail["subject"] == "fly-runbooks: 1 change"
    assert "startup-crash (confirmed). It crashes." in mail.get_body(("plain",)).get_content()


@pytest.mark.parametrize("amount", [1, 5, 6, 11, 12, 300])
def test_a_message_has_at_most_twelve_lines_and_counts_the_rest(amount: int) -> None:
    found = [notify.Change(None, Outcome(f"s{n}", "INCONCLUSIVE", report="/r")) for n in range(amount)]
    title, body = notify.message(found, "/index.html")
    lines = body.splitlines()
    assert len(lines) <= notify.MOST_LINES
    shown = sum(line.startswith("s") for line in lines)
    more = [int(line.split()[2]) for line in lines if line.startswith("… and")]
    assert shown + sum(more) == amount
    assert str(amount) in title


def test_hostile_texts_stay_on_their_line() -> None:
    found = [notify.Change(None, Outcome("s\n\x1b[31m", "INCONCLUSIVE", headline="x\r\ny" * 500))]
    _, body = notify.message(found)
    assert len(body.splitlines()) == 1
    assert "\x1b" not in body


def test_subjects_that_need_nobody_are_forgotten_where_there_are_too_many(tmp_path: Path) -> None:
    sent: list[str] = []

    def tell(*outcomes: Outcome) -> None:
        notify.tell(outcomes, tmp_path, ["json://one"], lambda address, title, body: not sent.append(body))

    tell(Outcome("ill", "LIKELY CAUSE", "out-of-memory", "likely"), Outcome("well", "HEALTHY"))
    tell(*(Outcome(f"m{number}", "HEALTHY") for number in range(20_000)))
    assert list(json.loads((tmp_path / notify.STATE).read_text())["subjects"]) == ["ill"]
    tell(Outcome("well", "HEALTHY"), Outcome("ill", "HEALTHY"))
    tell(Outcome("well", "INCONCLUSIVE"))
    assert [body.partition(" out-of")[0] for body in sent] == [
        "ill: new → LIKELY CAUSE",
        "ill: LIKELY CAUSE → HEALTHY",
        "well: HEALTHY → INCONCLUSIVE",
    ]


@pytest.mark.parametrize("state", ["", "[]", "{}", '{"subjects": {"a": 1}, "waiting": []}', "{", '{"subjects": []}'])
def test_a_state_that_cannot_be_read_is_begun_anew(tmp_path: Path, state: str) -> None:
    (tmp_path / notify.STATE).write_text(state)
    sent: list[str] = []
    told = notify.tell(
        [Outcome("s", "INCONCLUSIVE")], tmp_path, ["a://1"], lambda a, t, b: bool(sent.append(b)) or True
    )
    assert len(sent) == 1
    (warning,) = told.warnings
    assert f"{tmp_path / notify.STATE} could not be read" in warning
    assert json.loads((tmp_path / notify.STATE).read_text())["subjects"]["s"]["status"] == "INCONCLUSIVE"


def test_how_many_messages_are_dropped_because_nobody_takes_any_is_said(tmp_path: Path) -> None:
    ways = [["a://1", "b://2"], [f"a://{n}" for n in range(52)], ["a://1"]]
    said = []
    for number, names in enumerate(ways):
        outcome = Outcome("s", "INCONCLUSIVE", f"cause-{number}")
        said.append(notify.tell([outcome], tmp_path, names, lambda *given: False).warnings[-1])
    waiting = json.loads((tmp_path / notify.STATE).read_text())["waiting"]
    assert "kept and sent with the next one" in said[0]
    assert "kept notifications were dropped: at most 50 are kept" in said[1]
    assert len(waiting) <= 50


def test_addresses_come_from_the_variable_or_a_file_and_wrong_ones_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "notify.txt"
    file.write_text("# on-call\njson://localhost/a\n\njson://localhost/b\n")
    assert addresses.addresses_of(str(file)) == addresses.addresses_of("json://localhost/a  json://localhost/b")
    assert addresses.addresses_of("") == []
    for wrong in ("nosuch://token-1234567890", str(tmp_path / "missing"), "slack://x"):
        with pytest.raises(UsageError) as refused:
            addresses.addresses_of(wrong)
        assert "token-1234567890" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("slack://T1234567A/B1234567A", "is for Slack, .*The form is slack://TOKEN_A/TOKEN_B/TOKEN_C "),
        ("https://hooks.slack.com/services/T1/B1", "looks like Slack, .*whole webhook URL.*slack://TOKEN_A"),
        ("http://discordapp.com/api/webhooks/1", "looks like Discord, .*discord://WEBHOOK_ID/WEBHOOK_TOKEN"),
        ("mailto:oncall@example.com", "is for E-Mail, .*mailto://"),
        ("https://hooks.example.com/in", r"a web address \(https://\).*write jsons:// in the place of https://"),
        ("slak://a/b/c", r"begins with slak://.*Did you mean slack://"),
        ("json://", "is for JSON, .*json://HOST"),
        ("https://[x/", "a web address"),
        ("-://x", "has a beginning that is no service"),
        ("hunter42://x", "has a beginning that is no service"),
    ],
)
def test_a_wrong_address_is_told_with_its_service_and_the_form_that_is_wanted(address: str, told: str) -> None:
    with pytest.raises(UsageError, match=f"Address 1 in RUNBOOKS_NOTIFY {'.*' if told[0] == 'a' else ''}{told}"):
        addresses.addresses_of(address)


@pytest.mark.parametrize("name", ["~nosuchuser/x", "/tmp/\0", "/" + "x" * 5000])
def test_what_is_no_name_of_a_file_is_an_error_of_usage(name: str) -> None:
    with pytest.raises(UsageError, match="neither an address nor the name of a file"):
        addresses.addresses_of(name)


@pytest.mark.parametrize("word", ["supersecret42pw", "supersecret", "slackpw", "super:secret"])
def test_a_word_that_is_no_address_is_not_shown(word: str) -> None:
    with pytest.raises(UsageError, match="Address 2 in RUNBOOKS_NOTIFY has no service://") as refused:
        addresses.addresses_of(f"json://localhost {word}")
    assert word not in str(refused.value)
    assert addresses.label(word) == "an address"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://hooks.slack.com/services/T1234567A/B1234567A/" + "c" * 24, "Slack"),
        ("https://discord.com/api/webhooks/123456789/secret-word", "Discord"),
        ("ntfy://secret-word", "ntfy"),
        ("jsons://oncall:secret-word@hooks.example.com/secret-word", "JSON to hooks.example.com"),
        ("json://oncall:12345/secret-word@hooks.example.com", "JSON"),
    ],
)
def test_the_host_of_an_address_is_shown_and_nothing_that_can_be_secret(address: str, shown: str) -> None:
    assert addresses.addresses_of(address) == [address]
    assert addresses.label(address) == shown
