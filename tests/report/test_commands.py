"""Every command that is printed exists today, can be pasted, and stays one command whatever the evidence holds."""

from __future__ import annotations

import ast
import itertools
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import click
import forms
import pytest
import shell
from played import commands, judged, played, texts
from shared_evidence import play

from runbooks.cli import cli
from runbooks.diagnose import preflight
from runbooks.diagnose.catalogue import catalogue
from runbooks.diagnose.commands import filled, sentence
from runbooks.diagnose.model import Remedy
from runbooks.evidence.models import Evidence
from runbooks.report.document import Report
from runbooks.simulator import instructions
from runbooks.simulator.scenario import load_scenario, scenario_names
from runbooks.simulator.server import Simulator

CHECKOUT = Path(__file__).parent.parent.parent
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "outputs/*.md", "outputs/example/**/*.md", "benchmarks/**/*.md")
    for path in CHECKOUT.glob(pattern)
)
ELSEWHERE = {name for name, told in forms.table()["programs"].items() if "elsewhere" in told}
OUTSIDE = "|".join(sorted(forms.programs() - ELSEWHERE))
SPAN = re.compile(rf"`((?:{OUTSIDE}) [^`\n]+)`")
OWN = re.compile(r"`(?:python -m )?runbooks ([a-z][^`\n]*)`")
DENIED = re.compile(r"`([^`\n]+)`[^`.]* does not exist")


def phrases(text: str) -> Iterator[str]:
    """Commands in the midst of a sentence. One that the sentence calls missing has to be missing."""
    denied = DENIED.findall(text)
    for phrase in denied:
        with pytest.raises(forms.Unknown):
            forms.exists(phrase)
    yield from (phrase for phrase in SPAN.findall(text) if phrase not in denied and "…" not in phrase)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("fly image list --app vyx-app", "fly has no 'image list'"),
        ("fly image tag registry.fly.io/vyx-app:a registry.fly.io/vyx-app:latest", "fly has no 'image tag'"),
        ("fly image show registry.fly.io/vyx-app:stub", "is no machine"),
        ("fly machines create --app vyx-app --name x --image registry.fly.io/vyx-app:latest", "knows no --image"),
        ("fly machine run -a vyx-app", "takes image"),
        ("fly machine status NEW_ID b", "takes machine?, not"),
        ("fly machine list vyx-app", "takes no words"),
        ("fly machine wait NEW_ID --state gone", "none of settled, started"),
        ("fly machine update NEW_ID --autostop off", "behind an equals sign only"),
        ("fly machine destroy NEW_ID --force=maybe", "is a switch"),
        ("fly logs -a vyx-app --machine", "wants a value"),
        ("fly log -a vyx-app", "fly has no 'log -a'"),
        ("fly logs -a 'vyx app'", "is no app"),
        ("fly apps list | grep vyx", "no program 'grep'"),
        ("timeout fly logs -a vyx-app", "is no seconds"),
        ("timeout 30", "starts nothing"),
        ("docker image ls", "docker has no 'image ls'"),
        ("docker manifest inspect Not/An:Image!", "is no image"),
        ("docker buildx imagetools IMAGE", "docker has no 'buildx imagetools'"),
        ("supabase secret list", "supabase has no 'secret list'"),
        ("curl -sS --maxtime 10 https://vyx-app.fly.dev/", "knows no --maxtime"),
        ("curl -sS --max-time=10 https://vyx-app.fly.dev/", "knows no --max-time=10"),
        ("curl -sS https://api.machines.dev/v1/apps/vyx-app/machine", "no such address: GET"),
        ("curl -sS https://api.machines.dev/v1/machines/91850296bd4738", "no such address: GET"),
        ("curl -sS 'https://api.machines.dev/v1/apps/vyx-app/machines?deleted=true'", "no query deleted"),
        ("curl -sS -X DELETE https://api.machines.dev/v1/apps/vyx-app/machines/NEW_ID/events", "address: DELETE"),
        ("curl -sS -d '{}' https://api.machines.dev/v1/tokens/current", "no such address: POST"),
        ("curl -sS 'https://api.fly.io/v1/apps/vyx-app/logs'", "no such address: GET"),
        ("fly status 'open", "no shell reads it"),
        ("fly status > $(file)", "redirections and subshells"),
        ("kubectl get pods", "no program 'kubectl'"),
    ],
)
def test_what_does_not_exist_is_refused(line: str, why: str) -> None:
    """The first report's own wrong commands among it; without this the tests below would prove nothing."""
    with pytest.raises(forms.Unknown) as refused:
        forms.check(line)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "fly machines list --app vyx-app",
        "flyctl m status 91850296bd4738 -a vyx-app -d",
        "fly machine create registry.fly.io/vyx-app:v1@sha256:" + "0" * 64 + " --region=sin,apac",
        "X=1 timeout 30 fly logs -a vyx-app --machine=NEW_ID -n && fly status -a vyx-app",
        "fly machine update NEW_ID --autostart=false -y",
        "docker run --rm -it IMAGE ls --whatever",
        "curl -sSi -m5 -H'a: b' 'https://api.machines.dev/v1/apps/a/machines?metadata.user=7&summary=true'",
        "curl -I https://registry.fly.io/v2/vyx-app/manifests/latest",
    ],
)
def test_what_exists_is_taken(line: str) -> None:
    assert forms.check(line)


@pytest.mark.parametrize("name", scenario_names())
def test_every_command_of_a_scenario_exists(name: str) -> None:
    found = played(name, drawn=False)
    for group in commands(found):
        for line in group:
            forms.check(line)
        _asks_fly_s_registry_only_when_logged_in(group)
    for text in texts(found):
        for phrase in phrases(text):
            forms.exists(phrase)


def _asks_fly_s_registry_only_when_logged_in(group: tuple[str, ...]) -> None:
    """Docker says of a private image that there is none, to who is not logged in: a wrong conclusion lies near."""
    calls = [parsed for line in group for parsed in forms.check(line)]
    for position, call in enumerate(calls):
        named = " ".join((*call.words, *(value for _, value in call.flags)))
        if call.registry and "registry.fly.io/" in named:
            assert "fly auth docker" in [before.form for before in calls[:position]], group


@pytest.mark.parametrize("slug", sorted(catalogue()))
def test_every_command_of_a_cause_exists_before_names_are_filled_in(slug: str) -> None:
    info = catalogue()[slug]
    for remedy in filter(None, (info.remedy, info.instead, info.prevention)):
        for line in filled(remedy, {}).commands:
            forms.check(line)
        texts = (remedy.title, remedy.why)
        for phrase in (p for text in texts for p in phrases(sentence(text, {}))):
            forms.exists(phrase)
    for phrase in phrases(sentence(info.next_test, {})):
        forms.check(phrase)
    # A command that is not set apart cannot be filled in as one.
    bare = re.sub(r"`[^`]*`", "", info.next_test)
    assert not re.search(rf"\b(?:{OUTSIDE}) [^.]*[{{-]", bare), bare


def _strings(source: str) -> Iterator[str]:
    """Every string of a module; what is filled in at run time stands in capitals."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "NAME" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"\{(\w+)\}", lambda found: found[1].upper(), node.value)


def _own(arguments: list[str]) -> None:
    """One of our own: the command exists, and takes these options."""
    command = cli.get_command(click.Context(cli), arguments[0])
    assert command is not None, arguments
    options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    assert {word for word in arguments[1:] if word.startswith("-")} <= options | {"--help"}, arguments


def test_every_command_that_the_source_speaks_of_exists() -> None:
    """Messages of errors, answers and notes, whichever incident brings them up."""
    seen = own = 0
    for path in sorted((CHECKOUT / "runbooks").rglob("*.py")):
        for text in _strings(path.read_text()):
            for phrase in phrases(text):
                forms.exists(phrase)
                seen += 1
            for phrase in OWN.findall(text):
                _own(phrase.split())
                own += 1
    assert seen > 30
    assert own > 5


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_every_command_of_a_document_exists(path: Path) -> None:
    """Those of other people's tools; our own command line is looked after in tests/test_docs.py."""
    text = path.read_text()
    for block in re.findall(r"```\w*\n(.*?)```", text, re.S):
        for line in block.replace("\\\n", " ").splitlines():
            bare = re.sub(r"\s#.*", "", line.strip().removeprefix("$ "))
            if re.match(rf"(?:[A-Z_]+=\S* )*(?:{OUTSIDE}) ", bare):
                forms.check(bare)
    for phrase in phrases(re.sub(r"```.*?```", "", text, flags=re.S)):
        forms.exists(phrase)


def test_every_command_of_a_notebook_exists() -> None:
    for path in (CHECKOUT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text())["cells"]:
            for phrase in phrases("".join(cell["source"])):
                forms.exists(phrase)


@pytest.mark.parametrize(("name", "command"), [("healthy", "run"), ("fleet-agreeing", "sweep")])
def test_every_command_of_the_simulator_s_instructions_exists(name: str, command: str, tmp_path: Path) -> None:
    scenario = load_scenario(name)
    simulator = Simulator(scenario, tmp_path)
    try:
        text = instructions.instructions(scenario, simulator.start())
    finally:
        simulator.stop()
    lines = [x for x in text.splitlines() if x and not x.startswith("#")]
    assert len(lines) > 8
    for line in lines:
        forms.check(line)
    arguments = shlex.split(lines[-1])[1:]
    assert arguments[0] == command
    _own(arguments)


def test_a_shell_passes_every_printed_command_on_as_it_stands(tmp_path: Path) -> None:
    """Bash, with stand-ins for the programs, gives each exactly the words that the tests above have read."""
    lines = list(
        dict.fromkeys(x for name in scenario_names() for group in commands(played(name, drawn=False)) for x in group)
    )
    assert len(lines) > 500
    for line, calls in zip(lines, shell.run(lines, tmp_path), strict=True):
        assert calls == [shell.cut(line)], line


ATTACKS = (
    f"NAME$({shell.CANARY})",
    f"NAME; {shell.CANARY} ;",
    f"NAME`{shell.CANARY}`",
    f"NAME\n{shell.CANARY}\n",
    f"NAME' ; {shell.CANARY} ; '",
    f'NAME" ; {shell.CANARY} ; "',
    f"NAME\\'; {shell.CANARY} #",
    f"NAME&& {shell.CANARY} || {shell.CANARY} & {shell.CANARY} | {shell.CANARY}",
    f"NAME'\"'\"'$({shell.CANARY})'\"'\"'",
    f"NAME${{X:-$({shell.CANARY})}} <({shell.CANARY}) > x",
    f"NAME* ? ~ {{a,b}} [a-z] !! # {shell.CANARY}",
    f"--entrypoint={shell.CANARY} NAME",
)


def _spoiled(value: Any, words: Mapping[str, str]) -> Any:
    """The same value with an attack behind (or before) every name in it, in keys, too."""
    if type(value) is str:
        for word, evil in words.items():
            value = value.replace(word, evil)
        return value
    if isinstance(value, Mapping):
        return {_spoiled(key, words): _spoiled(item, words) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_spoiled(item, words) for item in value)
    if is_dataclass(value) and not isinstance(value, type) and type(value).__module__ != "runbooks.base.facets":
        return replace(value, **{f.name: _spoiled(getattr(value, f.name), words) for f in fields(value) if f.init})
    return value


def _names(evidence: Evidence) -> list[str]:
    """What an enemy may choose: names of app, machine, organisation, image, region, variables, volumes."""
    text = repr(evidence)
    subject = evidence.subject
    found = [subject.app, subject.machine_id, subject.machine_name, subject.org, subject.image]
    found += re.findall(r"vol_\w{4,}|\b[A-Z]+_[A-Z_]+\b(?=['\"]: )", text)
    found += re.findall(r"region='(\w{3})'", text)
    return sorted({name for name in found if len(name) > 2}, key=len, reverse=True)


def spoiled(name: str, turn: int) -> Report:
    """The scenario with an attack in each name, another one in each."""
    evidence = play(name)
    attacks = itertools.cycle(ATTACKS[turn % len(ATTACKS) :] + ATTACKS[: turn % len(ATTACKS)])
    words = {word: next(attacks).replace("NAME", word) for word in _names(evidence)}
    return judged(_spoiled(evidence, words), drawn=False)


def _printed(found: Report) -> list[str]:
    """All commands, those within sentences, too."""
    return [*itertools.chain(*commands(found)), *(p for text in texts(found) for p in SPAN.findall(text))]


def test_no_name_from_the_evidence_is_more_than_a_word(tmp_path: Path) -> None:
    """In every scenario; nor is it an option of the program that gets it."""
    printed = (_printed(spoiled(name, turn)) for turn, name in enumerate(scenario_names()))
    lines = list(dict.fromkeys(itertools.chain(*printed)))
    assert sum(shell.CANARY in line for line in lines) > 500
    for line, calls in zip(lines, shell.run(lines, tmp_path), strict=True):
        assert calls == [shell.cut(line)], line
        assert not any(word.startswith("--entrypoint=") for word in calls[0]), line


def test_the_attacks_would_work_on_a_command_that_does_not_quote(tmp_path: Path) -> None:
    lines = [f"fly machine status {ATTACKS[turn]}" for turn in (0, 1, 2, 3, 7, 9)]
    assert all([shell.CANARY] in calls for calls in shell.run(lines, tmp_path))


def test_a_placeholder_stands_for_what_nobody_can_type() -> None:
    remedy = Remedy("t", "w", ("fly machine status {machine_id} -a {app}",))
    for value in ("-rf", "a\nb", "a`b`", "x" * 301, "\u202eabc", ""):
        assert filled(remedy, {"app": "a", "machine_id": value}).commands == ("fly machine status MACHINE_ID -a a",)


@pytest.mark.parametrize("check", sorted(preflight.REMEDIES))
def test_every_command_of_a_preflight_exists(check: str) -> None:
    commands = filled(preflight.REMEDIES[check], {}).commands
    for line in commands:
        forms.check(line)
    _asks_fly_s_registry_only_when_logged_in(commands)
