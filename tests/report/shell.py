"""What a real shell makes of a printed line: it runs it with stand-ins for all programs, which say what they got."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

CANARY = "canary"
"""A command that no line may run: attacks in the evidence try to."""

_RUN = r"""
said() { if [ "$BASH_SUBSHELL" -gt 0 ]; then printf '$(%s)' "$*"; else printf '%s\0' "$@"; printf '\1\0'; fi; }
for program in fly flyctl curl docker supabase dig timeout runbooks export; do
  eval "$program() { said $program \"\$@\"; }"
done
CANARY() { echo "$number" >> sung; }
number=0
command_not_found_handle() { said NOT-FOUND "$@"; }
while IFS= read -r -d '' line; do eval "$line"; printf '\2\0'; number=$((number + 1)); done < lines
"""
_VALUE = re.compile(r"\$\{([A-Za-z_]\w*):\?\}")
_TOKEN = "${FLY_API_TOKEN#FlyV1 }"


def run(lines: Sequence[str], folder: Path) -> list[list[list[str]]]:
    """For each line the calls that bash made, each as its words. A variable's value is its own name, with the $."""
    (folder / "lines").write_bytes(b"".join(line.encode() + b"\0" for line in lines))
    (folder / "run").write_text(_RUN.replace("CANARY", CANARY))
    values = {name: f"${{{name}:?}}" for line in lines for name in _VALUE.findall(line)}
    done = subprocess.run(
        ["/bin/bash", "--norc", "--noprofile", "run"],
        cwd=folder,
        env={**values, "FLY_API_TOKEN": "$FLY_API_TOKEN", "FLY_API_HOSTNAME": "$FLY_API_HOSTNAME", "PATH": "/nowhere"},
        capture_output=True,
        check=False,
    )
    assert not done.stderr, done.stderr.decode()[:2000]
    found = [
        [call.split("\0")[:-1] for call in told.split("\1\0")[:-1]] for told in done.stdout.decode().split("\2\0")[:-1]
    ]
    assert len(found) == len(lines)
    sung = folder / "sung"
    for number in sung.read_text().split() if sung.exists() else ():
        found[int(number)].append([CANARY])
    return found


def cut(line: str) -> list[str]:
    """The same line as `shlex` cuts it."""
    return [word.replace(_TOKEN, "$FLY_API_TOKEN") for word in shlex.split(line)]
