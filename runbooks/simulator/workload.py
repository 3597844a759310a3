"""What a machine's main process does from its first millisecond: pure, a function of image and config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbooks.simulator import spec


@dataclass(frozen=True)
class Line:
    at_ms: int
    text: str
    level: str = "info"
    provider: str = "app"


@dataclass(frozen=True)
class Ending:
    """`spawned` is False when init could not even execute the command."""

    at_ms: int
    code: int
    signal: int | None = None
    oom_killed: bool = False
    spawned: bool = True


@dataclass(frozen=True)
class Plan:
    lines: tuple[Line, ...]
    ending: Ending | None


def command(image: spec.Image, config: Mapping[str, Any]) -> str:
    """The command line that init announces; `config.init` overrides the image as on the platform."""
    init = config.get("init") or {}
    if init.get("exec"):
        return " ".join(init["exec"])
    entrypoint = init.get("entrypoint") or image.entrypoint
    return " ".join([*entrypoint, *(init.get("cmd") or image.cmd)])


def plan(image: spec.Image, program: spec.Program, config: Mapping[str, Any], secrets: Sequence[str]) -> Plan:
    """Everything the process prints until it ends, or for good when it keeps running."""
    why = "Exec format error (os error 8)" if image.architecture != "amd64" else program.spawn_error
    if why:
        return _not_spawned(command(image, config), why)
    given = {name for name, value in (config.get("env") or {}).items() if value != ""} | set(secrets)
    missing = [name for name in program.requires if name not in given]
    if missing:
        error_message = Line(program.complains_at_ms, program.error_message.format(missing=", ".join(missing)))
        return _cut(program, [error_message], Ending(program.complains_at_ms + 40, program.complaint_exit))
    memory = (config.get("guest") or {}).get("memory_mb", 256)
    if memory < program.needs_memory_mb:
        return _out_of_memory(program, memory)
    if program.exit is not None:
        end = program.exit
        return _cut(program, [], Ending(end.after_ms, end.code, end.signal))
    return Plan(tuple(Line(p.at_ms, p.text, p.level) for p in program.prints), None)


def _cut(program: spec.Program, last: list[Line], ending: Ending) -> Plan:
    """The program's lines up to its end, then what is said last."""
    lines = [Line(p.at_ms, p.text, p.level) for p in program.prints if p.at_ms < ending.at_ms]
    if ending.signal is None:
        farewell = f" INFO Main child exited normally with code: {ending.code}"
    else:
        names = {6: "SIGABRT", 9: "SIGKILL", 11: "SIGSEGV", 15: "SIGTERM"}
        name = names.get(ending.signal, f"SIG{ending.signal}")
        farewell = f" INFO Main child exited with signal (with signal '{name}', core dumped? false)"
    ordered = sorted([*lines, *last], key=lambda line: line.at_ms)
    return Plan((*ordered, Line(ending.at_ms, farewell), *_clean_up(ending.at_ms)), ending)


def _clean_up(at_ms: int) -> tuple[Line, ...]:
    return (
        Line(at_ms + 4, " INFO Starting clean up."),
        Line(at_ms + 9, f"[{(at_ms + 900) / 1000:>9.6f}] reboot: Restarting system"),
    )


def _not_spawned(words: str, why: str) -> Plan:
    return Plan(
        (
            Line(31, f"Error: failed to spawn command: {words}: {why}"),
            Line(32, f"does `{words.split(' ')[0]}` exist and is it executable?"),
            Line(34, f"[{0.931:>9.6f}] reboot: Restarting system"),
            Line(150, "Virtual machine exited abruptly", "error", "runner"),
        ),
        Ending(150, 1, spawned=False),
    )


def _out_of_memory(program: spec.Program, memory_mb: int) -> Plan:
    at_ms = program.runs_out_at_ms
    resident = memory_mb * 1024 * 3 // 4
    kernel = (
        f"[{(at_ms + 900) / 1000:>9.6f}] Out of memory: Killed process 629 (node) "
        f"total-vm:{memory_mb * 1024 * 44}kB, anon-rss:{resident}kB, file-rss:0kB, shmem-rss:0kB, UID:0 "
        "pgtables:4912kB oom_score_adj:0"
    )
    last = [Line(at_ms - 3, kernel), Line(at_ms - 1, " WARN Process appears to have been OOM killed!")]
    return _cut(program, last, Ending(at_ms, 137, signal=9, oom_killed=True))
