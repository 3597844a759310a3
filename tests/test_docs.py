"""The documents say only what is so: commands, options, parameters, variables, links, slugs, requests, pins.

Commands of other people's tools are held against the forms that exist in tests/report/test_commands.py, and the
SQL of docs/database.md runs on a real server in tests/real/test_database_page.py.
"""

from __future__ import annotations

import ast
import http.server
import itertools
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import requires, version
from pathlib import Path

import click
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from runbooks.base.facets import known_facets
from runbooks.base.parameters import describe
from runbooks.base.settings import Settings
from runbooks.case import Case
from runbooks.cli import EXIT_CODES, cli
from runbooks.collect.allowed_requests import ALLOWED, WRITES
from runbooks.collect.status import LOGICAL
from runbooks.collect.supabase import Project, allowed
from runbooks.definitions import discovered, find
from runbooks.diagnose.catalogue import catalogue
from runbooks.diagnose.model import Status
from runbooks.evidence.redaction import KINDS
from runbooks.execution import notify
from runbooks.report import status
from runbooks.simulator.fleet import is_fleet
from runbooks.simulator.scenario import load_scenario, scenario_names
from runbooks.simulator.server import Simulator

CHECKOUT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "outputs/README.md", "benchmarks/**/*.md")
    for path in CHECKOUT.glob(pattern)
)
NAMES = [str(path.relative_to(CHECKOUT)) for path in DOCUMENTS]
README = (CHECKOUT / "README.md").read_text()
DOCS = CHECKOUT / "docs"
COMMANDS = {name: cli.get_command(click.Context(cli), name) for name in cli.list_commands(click.Context(cli))}
PLACEHOLDER = re.compile(r"[A-Z]+")


def _blocks(text: str, *languages: str) -> list[str]:
    """The fenced blocks, of these languages only if some are named."""
    found = re.findall(r"```(\w*)\n(.*?)```", text, re.S)
    return [block for language, block in found if not languages or language in languages]


def _spans(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))


def _commands(text: str, program: str) -> Iterator[list[str]]:
    """Arguments of every call of `program` in fenced blocks and in code spans that carry arguments."""
    lines = [line for block in _blocks(text) for line in _lines(block)]
    for line in lines + [span for span in _spans(text) if " " in span]:
        if line.lstrip().startswith("#") or "…" in line:
            continue
        if found := re.search(rf"(?:^|[\s;/])(?:python -m )?{program} (.+)", line):
            yield _first(found[1])


def _lines(block: str) -> list[str]:
    """Of a block in Python its strings, of any other its lines."""
    try:
        constants = [node.value for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Constant)]
        return [value for value in constants if isinstance(value, str)]
    except SyntaxError:
        return block.replace("\\\n", " ").splitlines()


def _first(line: str) -> list[str]:
    """The words up to the first operator of the shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    return list(itertools.takewhile(lambda word: not set(word) <= set("|&;<>()"), lexer))


def _check(arguments: list[str]) -> None:
    """Is this a call of `runbooks` that its command line takes?"""
    command = COMMANDS.get(arguments[0])
    assert command is not None, arguments
    if len(arguments) == 1:
        return
    given = command.make_context(arguments[0], arguments[1:]).params
    if arguments[0] == "run":
        for runbook in given["runbook"]:
            known = {parameter for parameter, *_ in describe(find(runbook).parameters)}
            assert {pair[0] for pair in given["pairs"]} <= known
        for source in filter(None, [given["source"], dict(given["pairs"]).get("source")]):
            kind, _, rest = source.partition(":")
            assert kind in ("live", "bundle", "simulator"), source
            played = rest in scenario_names() or is_fleet(rest) or PLACEHOLDER.fullmatch(rest)
            assert kind != "simulator" or played, source
    if arguments[0] == "explain":
        assert given["cause"] in catalogue() or PLACEHOLDER.fullmatch(given["cause"])
    if arguments[0] == "simulate":
        assert given["scenario"] in scenario_names()


@pytest.mark.parametrize("name", NAMES)
def test_every_runbooks_command_exists_with_its_options(name: str) -> None:
    for arguments in _commands((CHECKOUT / name).read_text(), "runbooks"):
        if not arguments[0].startswith("-"):
            _check(arguments)


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_exists(name: str) -> None:
    targets = re.findall(r"^([\w$().-]+):", (CHECKOUT / "Makefile").read_text(), re.M)
    known = {*targets, ".venv/.runtime-installed"}
    for arguments in _commands((CHECKOUT / name).read_text(), "make"):
        assert [a for a in arguments if "=" not in a and a not in known] == []


def test_the_readme_mentions_every_command() -> None:
    for command in COMMANDS:
        assert re.search(rf"\b(?:runbooks|make) {command}\b", README), command


def test_every_option_and_command_has_help() -> None:
    for command in COMMANDS.values():
        assert command is not None
        assert command.help, command.name
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, (command.name, option.name)


def test_every_parameter_is_documented_and_has_help() -> None:
    reference, known = (DOCS / "runbooks.md").read_text(), set()
    for runbook in discovered():
        assert runbook in README
        for name, _, _, text in describe(find(runbook).parameters):
            assert re.search(rf"^\| `{name}` \|", reference, re.M), name
            assert text, name
            known.add(name)
    table = README.partition("| parameter | |")[2].partition("\n\n")[0]
    named = re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (.*?) \|", table, re.M)))
    assert named
    assert set(named) <= known


def test_every_exit_code_is_documented() -> None:
    codes = re.findall(r"^  (\S+) {2,}", EXIT_CODES, re.M)
    assert codes == re.findall(r"^\| (\d[\dn+]*) \|", README, re.M)


def test_every_variable_is_documented() -> None:
    text = (DOCS / "settings.md").read_text()
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        for name in [alias] if isinstance(alias, str) else getattr(alias, "choices", []):
            assert f"`{name}`" in text, name


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_that_is_named_exists(name: str) -> None:
    known = {
        choice
        for field in Settings.model_fields.values()
        for alias in [field.validation_alias]
        for choice in ([alias] if isinstance(alias, str) else getattr(alias, "choices", []))
    }
    # Fly sets these inside of a machine.
    inside = {"FLY_MACHINE_ID", "FLY_APP_NAME", "FLY_IMAGE_REF", "FLY_REGION", "FLY_PRIVATE_IP"}
    named = set(re.findall(r"\b(?:RUNBOOKS|FLY)_[A-Z_]*[A-Z]\b", (CHECKOUT / name).read_text()))
    assert named - known - inside == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    document = CHECKOUT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            there = (document.parent / path).resolve() if path else document
            assert there.exists(), target
            if anchor:
                headings = re.findall(r"^#+ (.+)$", there.read_text(), re.M)
                slugs = [re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in headings]
                assert anchor in slugs, target


def test_every_document_is_linked_from_the_readme() -> None:
    linked = {path.partition("#")[0] for path in re.findall(r"\]\(([^)\s]+)\)", README)}
    pages = {name for name in NAMES if re.fullmatch(r"docs/[\w-]+\.md", name)}
    assert pages - linked == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_file_of_the_project_that_is_named_exists(name: str) -> None:
    """The example is a run that is committed last, and left out here."""
    places = "docs|runbooks|notebooks|tests|outputs|benchmarks"
    for span in _spans((CHECKOUT / name).read_text()):
        if re.fullmatch(rf"(?:{places})/[\w./-]+", span) and not span.startswith(("outputs/example", "outputs/.")):
            assert (CHECKOUT / span).exists(), span


@pytest.mark.parametrize("name", NAMES)
def test_every_call_of_the_case_and_every_look_exists(name: str) -> None:
    text = (CHECKOUT / name).read_text()
    for attribute in re.findall(r"\bcase\.(\w+)", text):
        assert hasattr(Case, attribute) or attribute in {*Case.__annotations__, "five_checks"}, attribute
    numbers = {facet.value for facet in known_facets()}
    assert set(re.findall(r"\bE\d\d(?=[a-z]?\b)", text)) <= numbers


@pytest.mark.parametrize("name", NAMES)
def test_every_block_can_be_read_by_what_it_is_for(name: str) -> None:
    text = (CHECKOUT / name).read_text()
    for block in _blocks(text, "python"):
        ast.parse(block)
    for block in _blocks(text, "yaml"):
        assert isinstance(yaml.safe_load(block), dict)
    for block in _blocks(text, "sh"):
        subprocess.run(["bash", "-n"], input=block, text=True, check=True, capture_output=True)


# Security


def test_the_page_on_security_lists_exactly_what_the_client_may_send() -> None:
    text = (DOCS / "security.md").read_text()
    listed = set(re.findall(r"^\| `(GET|HEAD|POST|DELETE) https://([^/`]+)(/[^`]*)` \|", text, re.M))
    own = re.compile(r"\(\?!\\\.\{1,2\}\(\?:/\|\$\)\)\[\^/\?#\\\\\\s\]\+")  # one part of a path
    sent = set()
    for method, host, pattern in (*ALLOWED, *WRITES):
        path = own.sub("{}", pattern.pattern).replace("(/{})*", "").replace("(/events)?", "(|/events)")
        choices = [part.split("|") for part in re.split(r"\(([^()]*)\)", path)]
        sent |= {(method, host, "".join(one)) for one in itertools.product(*choices)}
    plain = {
        (method, "*" if host == "{registry}" else host, re.sub(r"\{\w+\}", "{}", path)) for method, host, path in listed
    }
    ref = "abcdefghijklmnopqrst"
    project = allowed(Project(url=f"https://{ref}.supabase.co", ref=ref))
    exact = {one for one in plain if one not in sent}
    assert sent <= plain
    for method, host, path in exact:
        address = f"https://{host}{path}".replace("{project}", ref).replace("{}", ref)
        query = "?select=*" if "/rest/" in path else ""
        assert method == "GET"
        assert address == LOGICAL or project.fullmatch(address + query), address
    assert len(exact) == 4


def test_the_page_on_security_names_every_kind_that_is_masked() -> None:
    text = (DOCS / "security.md").read_text()
    assert (
        set(re.findall(r"`([a-z-]+)`", "\n".join(re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|", text, re.M))))
        == KINDS
    )


def test_the_page_on_reading_has_the_words_of_the_report() -> None:
    text = (DOCS / "reading.md").read_text()
    for verdict, confidence in [
        ("healthy", None),
        ("incident", "confirmed"),
        ("incident", None),
        ("inconclusive", None),
    ]:
        assert status.standing(verdict, confidence).words in text
    for one in Status:
        assert f"| {status.STATUS_SIGNS[one.value]} {one.value} |" in text


# Scheduling


def _scheduled(kind: str) -> list[list[str]]:
    """The arguments of the runbooks command in each line of a recipe."""
    folder, text = DOCS / "scheduling", (DOCS / "scheduling.md").read_text()
    part = re.split(r"(?m)^## ", text)
    recipes = {one.partition("\n")[0]: one for one in part}
    lines = {
        "systemd": (folder / "fly-runbooks.service").read_text(),
        "GitHub Actions": (folder / "github-actions.yml").read_text(),
    }.get(kind, recipes[kind])
    return [shlex.split(one) for one in re.findall(r"\.venv/bin/runbooks ([^\n\"#>`;,]+)", lines)]


@pytest.mark.parametrize("kind", ["cron", "systemd", "GitHub Actions", "Airflow", "jupyter-scheduler"])
def test_every_recipe_sweeps_and_prunes_with_commands_that_exist(kind: str) -> None:
    found = _scheduled(kind)
    for arguments in found:
        _check(arguments)
    assert {"sweep", "prune"} <= {arguments[0] for arguments in found}


def test_the_service_and_the_workflow_keep_what_the_next_night_needs() -> None:
    service = (DOCS / "scheduling" / "fly-runbooks.service").read_text()
    assert "KillMode=mixed" in service, "or a stop would end the kernels as well, and nothing were published"
    assert "EnvironmentFile=" in service, "or nobody were told"
    steps = yaml.safe_load((DOCS / "scheduling" / "github-actions.yml").read_text())["jobs"]["sweep"]["steps"]
    assert "make .venv/.runtime-installed" in [step.get("run") for step in steps]
    (sweep,) = [number for number, step in enumerate(steps) if "runbooks sweep" in step.get("run", "")]
    assert "RUNBOOKS_NOTIFY" in steps[sweep]["env"]
    used = [step.get("uses", "").partition("@")[0] for step in steps]
    assert "actions/cache/restore" in used[:sweep]
    kept = steps[used.index("actions/cache/save")]
    assert kept["if"] == "always()", "or a night with a disagreement were forgotten"
    deploys = yaml.safe_load((DOCS / "scheduling" / "github-actions-preflight.yml").read_text())
    lines = [step["run"] for step in deploys["jobs"]["deploy"]["steps"] if "run" in step]
    assert "make -C fly-runbooks .venv/.runtime-installed" in lines
    (command,) = [line for line in lines if "bin/runbooks" in line]
    _check(shlex.split(command)[1:])


def test_the_file_for_the_token_can_be_read_by_a_shell(tmp_path: Path) -> None:
    """A Fly token holds a space."""
    (block,) = [b for b in _blocks((DOCS / "scheduling.md").read_text(), "sh") if "install -m 600" in b]
    environment = _desk(tmp_path) | {"HOME": str(tmp_path), "FLY_SAYS": "FlyV1 fm2_abc=,fm2_def="}
    read = "set -a; . ~/.config/fly-runbooks.env; env | grep ^FLY_API_TOKEN="
    done = subprocess.run(
        ["sh", "-ec", f"{block}\n{read}"], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "FLY_API_TOKEN=FlyV1 fm2_abc=,fm2_def=\n"
    assert (tmp_path / ".config" / "fly-runbooks.env").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("RUNBOOKS_NOTIFY='json://a json://b$c'", "json://a json://b$c"),
        ('RUNBOOKS_NOTIFY="json://a json://b$c"', "json://a json://b"),
        ("RUNBOOKS_NOTIFY=json://a json://b", ""),
    ],
)
def test_a_value_without_quotes_does_what_the_page_says(line: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "settings.env").write_text(f"{line}\n")
    read = f'set -a; . {tmp_path}/settings.env; printf %s "$RUNBOOKS_NOTIFY"'
    done = subprocess.run(["sh", "-c", read], env={"PATH": os.defpath}, capture_output=True, text=True)
    assert done.stdout == found
    assert ("json://b: not found" in done.stderr) == (not found)
    assert "`json://b: not found`" in " ".join((DOCS / "scheduling.md").read_text().split())


def test_the_receiver_prints_what_is_posted_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    receiver = runpy.run_path(str(DOCS / "scheduling" / "receiver.py"))["Receiver"]
    server = http.server.HTTPServer(("127.0.0.1", 0), receiver)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    assert notify.deliver(f"json://127.0.0.1:{server.server_port}", "2 changes", "one\ntwo")
    thread.join(10)
    server.server_close()
    assert capsys.readouterr().out == "2 changes\none\ntwo\n\n"


# The README, done


def _desk(folder: Path) -> dict[str, str]:
    """A folder like a checkout, with stand-ins for `make` and `fly`, and the environment to work there."""
    (folder / "bin").mkdir()
    (folder / ".venv").symlink_to(sys.prefix)
    stand_ins = {
        "make": 'case "$1" in demo) exec .venv/bin/runbooks demo ;; test | lab) ;; *) exit 2 ;; esac',
        "fly": 'test "$1 $2 $3" = "tokens create readonly" && echo "$FLY_SAYS"',
    }
    for name, body in stand_ins.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / "bin" / name).chmod(0o755)
    return os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}


@pytest.mark.slow
def test_the_commands_of_the_readme_do_what_it_says(tmp_path: Path) -> None:
    """In its order, against a Fly on loopback, but for one on an app that is yours; `simulate` is tried in test_cli."""
    outputs = tmp_path / "outputs"
    (tmp_path / "incident.yaml").write_text("app_name: vyx-app\nmachine_id: 91850296bd4738\n")
    scenario = load_scenario("vyx-missing-environment")
    (tmp_path / "world").mkdir()
    simulator = Simulator(scenario, tmp_path / "world")
    codes: dict[str, int] = {}
    try:
        served = simulator.start()
        environment = _desk(tmp_path) | {
            "FLY_SAYS": scenario.token,
            "FLY_API_HOSTNAME": served.base_url,
            "FLY_API_BASE_URL": served.base_url,
            "RUNBOOKS_CONNECT_TO": served.connect_to,
            "RUNBOOKS_STATUS_URL": served.status_url,
            "RUNBOOKS_OUTPUT_ROOT": str(outputs),
        }
        exports: list[str] = []
        for line in (line for block in _blocks(README, "sh") for line in block.splitlines()):
            if line.startswith("export "):
                exports.append(line)
            elif not re.search(r" simulate | my-(?:app|org)\b", line):
                script = "\n".join([*exports, line])
                done = subprocess.run(
                    ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
                )
                codes[line] = done.returncode
                assert done.returncode in (0, 3, 4), (line, done.stderr)
            if line == "make demo":
                (run,) = outputs.glob("*/machine_not_visible--*")
                shutil.copytree(run, outputs / "example")
    finally:
        simulator.stop()
    told = {re.sub(r"^.*/runbooks ", "", line): code for line, code in codes.items()}
    assert told["make demo"] == 0
    assert (
        told[
            "run machine_not_visible -f incident.yaml --source simulator:vyx-missing-environment --deadline 120 --json"
        ]
        == 3
    )
    assert next(code for line, code in told.items() if line.startswith("run verify_fix")) == 0
    assert told["replay example.zip"] == 3
    assert "verify_fix--" in (outputs / "index.html").read_text()
    assert told["run fleet --source simulator:fleet-planted"] == 3
    assert len(list(outputs.glob("*/*/report.html"))) == 7


def test_every_package_that_ours_needs_is_pinned_to_what_is_tested() -> None:
    pins = {}
    for file in ("requirements.txt", "requirements-dev.txt"):
        for name, pin in re.findall(r"^([\w.-]+)==([\w.+!-]+)", (CHECKOUT / file).read_text(), re.M):
            pins[canonicalize_name(name)] = pin
    needed = _needed("fly-runbooks", {"dev"})
    assert {name: pins.get(name) for name in needed} == needed


def _needed(distribution: str, extras: set[str]) -> dict[str, str]:
    """Everything that a distribution asks for on this machine, and what that asks for, with the installed version."""
    needed: dict[str, str] = {}
    waiting = [(distribution, extra) for extra in {"", *extras}]
    done = set(waiting)
    while waiting:
        name, extra = waiting.pop()
        for line in requires(name) or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                other = canonicalize_name(requirement.name)
                needed[other] = version(other)
                more = {(other, wanted) for wanted in {"", *requirement.extras}} - done
                waiting += more
                done |= more
    return needed
