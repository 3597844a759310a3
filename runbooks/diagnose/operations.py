"""Which call a refusal belongs to (§14.2): a refusal explains that one call on that one object, and nothing else."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache


class Operation(StrEnum):
    """The call that was refused. `UNKNOWN`: the text does not say."""

    CREATE = "create"
    UPDATE = "update"
    START = "start"
    STOP = "stop"
    DESTROY = "destroy"
    READ = "read"
    WAIT = "wait"
    LEASE = "lease"
    VOLUME = "volume"
    RELEASE = "release"
    PUSH = "push"
    BUILD = "build"
    EXEC = "exec"
    UNKNOWN = ""

    @property
    def makes_a_machine(self) -> bool:
        """Whether this call, or one that is not named, may have been the create call."""
        return self in (Operation.CREATE, Operation.UNKNOWN)


_VM = r"(?:(?:the|a|an|all|new|active|existing)\s){0,2}(?:VMs?|machines?|instances?)\b"
_ID = r"[0-9a-f]{13,16}"
# The innermost call is the one that was refused: “error updating …: failed to get VM …” is a read.
_PATTERNS: tuple[tuple[Operation, str], ...] = (
    (Operation.RELEASE, r"release[_ ]command|release command"),
    (
        Operation.PUSH,
        r"(?:failed to|error) push|pushing (?:image|to registry)|from (?:HEAD|PUT|POST|PATCH) request to \S{1,80}/v2/",
    ),
    (Operation.BUILD, r"error building|failed to solve"),
    (
        Operation.VOLUME,
        r"(?:create|provision|destroy|delet|extend|fork|attach|detach|snapshot)\w{0,4} (?:\w{1,12} )?volumes?\b"
        r"|\b(?:POST|PUT|DELETE) \S{0,200}/volumes\b|volume is currently bound",
    ),
    (Operation.LEASE, r"(?:release|get|acquire|obtain|refresh)\w{0,3} (?:the )?leases?\b|/lease\b"),
    (Operation.WAIT, r"/wait\b|waiting (?:for|on)\b|wait for (?:the )?(?:machine|state|health)|reach desired st"),
    (Operation.READ, rf"(?:get|getting|fetch|fetching|list|listing|describ\w+) {_VM}|\bGET \S{{0,200}}/machines\b"),
    (Operation.UPDATE, rf"updat(?:e|ing) {_VM}|\b(?:POST|PATCH) \S{{0,200}}/machines/{_ID}(?!/)"),
    (Operation.START, rf"(?:start|starting|restart|restarting|wake up|waking) {_VM}|/machines/{_ID}/(?:re)?start\b"),
    (Operation.STOP, rf"(?:stop|stopping|suspend|suspending|cordon\w*) {_VM}|/machines/{_ID}/(?:stop|suspend)\b"),
    (Operation.DESTROY, rf"(?:destroy|destroying|delet(?:e|ing)|remov(?:e|ing)) {_VM}|\bDELETE \S{{0,200}}/machines/"),
    (Operation.EXEC, rf"/machines/{_ID}/exec\b"),
    (
        Operation.CREATE,
        rf"(?:launch(?:ing)?|creat(?:e|ing)|provision(?:ing)?) {_VM}|\bPOST \S{{0,200}}/machines(?![/\w])"
        r"|insufficient resources to create",
    ),
)
_COMPILED = tuple((operation, re.compile(pattern, re.I)) for operation, pattern in _PATTERNS)
_MOST = 4_000


@lru_cache(maxsize=2_000)
def operation_of(text: str) -> Operation:
    """The call that the text says was refused: of several, the one named last before the reason.

    Args:
        text: the refusal with the words around it
    """
    found = [(match.start(), operation) for operation, p in _COMPILED for match in p.finditer(text[:_MOST])]
    if not found:
        return Operation.UNKNOWN
    kinds = {operation for _, operation in found}
    for whole in (Operation.RELEASE, Operation.PUSH, Operation.BUILD, Operation.VOLUME):
        if whole in kinds:
            return whole
    return max(found, key=lambda pair: pair[0])[1]
