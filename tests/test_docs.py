"""The documents say only what is so: commands, options, parameters, variables, links, slugs, pins."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import click
import pytest

from runbooks.cli import cli
from runbooks.diagnose.ledger import catalogue
from runbooks.parameters import RUNBOOKS, describe
from runbooks.settings import Settings
from runbooks.simulator.scenario import scenario_names

CHECKOUT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "outputs/README.md", "benchmarks/**/*.md")
    for path in CHECKOUT.glob(pattern)
)
NAMES = [str(path.relative_to(CHECKOUT)) for path in DOCUMENTS]
README = (CHECKOUT / "README.md").read_text()


def _commands(text: str, program: str) -> Iterator[list[str]]:
    """Arguments of every call of `program` in fenced blocks and in code spans that carry arguments."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.S)
    spans = re.findall(r"`([^`\n]+ [^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    for line in [line for block in blocks for line in block.replace("\\\n", " ").splitlines()] + spans:
        found = re.search(rf"(?:^|[\s;/])(?:python -m )?{program} (.+)", line)
        if found and not line.lstrip().startswith("#") and "…" not in found[1]:
            yield shlex.split(found[1], comments=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_runbooks_command_exists_with_its_options(name: str) -> None:
    for arguments in _commands((CHECKOUT / name).read_text(), "runbooks"):
        if arguments[0].startswith("-"):
            continue
        command = cli.commands.get(arguments[0])
        assert command is not None, arguments
        if len(arguments) == 1:
            continue
        context = command.make_context(arguments[0], arguments[1:])
        given = context.params
        if arguments[0] == "run":
            known = {parameter for parameter, *_ in describe(given["runbook"])}
            assert {pair[0] for pair in given["pairs"]} <= known
        if arguments[0] == "explain":
            assert given["cause"] in catalogue()
        if arguments[0] == "simulate":
            assert given["scenario"] in scenario_names()


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_exists(name: str) -> None:
    targets = re.findall(r"^([\w$().-]+):", (CHECKOUT / "Makefile").read_text(), re.M)
    known = {*targets, ".venv/.runtime-installed"}
    for arguments in _commands((CHECKOUT / name).read_text(), "make"):
        assert [a for a in arguments if "=" not in a and a not in known] == []


def test_the_readme_mentions_every_command() -> None:
    for command in cli.commands:
        assert re.search(rf"\b(?:runbooks|make) {command}\b", README), command


def test_every_option_and_command_has_help() -> None:
    for command in cli.commands.values():
        assert command.help, command.name
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, (command.name, option.name)


def test_every_parameter_is_documented_and_has_help() -> None:
    for runbook in RUNBOOKS:
        assert runbook in README
        for name, _, _, text in describe(runbook):
            assert f"`{name}`" in README, name
            assert text, name


def test_every_variable_is_documented() -> None:
    text = (CHECKOUT / "docs" / "settings.md").read_text()
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        for name in [alias] if isinstance(alias, str) else getattr(alias, "choices", []):
            assert f"`{name}`" in text, name


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


def test_every_package_of_this_environment_is_pinned() -> None:
    pins = {}
    for file in ("requirements.txt", "requirements-dev.txt"):
        for line in (CHECKOUT / file).read_text().splitlines():
            if not line.startswith("#"):
                name, _, version = line.partition(";")[0].strip().partition("==")
                assert version, line
                pins[_canonical(name)] = version
    ours = {"fly-runbooks", "pip", "setuptools", "wheel"}
    installed = {_canonical(d.name): d.version for d in distributions()}
    assert {n: v for n, v in installed.items() if n not in ours and pins.get(n) != v} == {}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
