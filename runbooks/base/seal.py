"""JSON files that tell by themselves whether they were changed: the last entry is the SHA-256 of all before it.

`index.json` and `manifest.json` hold the hashes of their neighbours, and nothing else holds theirs. Older files
have no seal.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_END = re.compile(rb'(?<=\n  "seal": ")([0-9a-f]{64})"\n\}\n\Z')


def sealed(value: Mapping[str, Any], default: Callable[[Any], Any] | None = None) -> str:
    """The JSON text of an object with its seal; a seal that it had before is replaced.

    Args:
        value: the object, with at least one entry
        default: makes JSON of what has no form in JSON, as for `json.dumps`
    """
    told = {name: item for name, item in value.items() if name != "seal"} | {"sealed": "sha256"}
    text = json.dumps(told, indent=2, ensure_ascii=False, default=default)
    text = text.removesuffix("\n}") + ',\n  "seal": "'
    return f'{text}{hashlib.sha256(text.encode("utf-8")).hexdigest()}"\n}}\n'


def intact(data: bytes) -> bool | None:
    """Whether a sealed file is as it was written; None for a file that was written without a seal.

    Raises:
        ValueError: this is no JSON object
    """
    match = _END.search(data)
    if match is not None:
        return hashlib.sha256(data[: match.start(1)]).hexdigest().encode() == match[1]
    told = json.loads(data)
    if not isinstance(told, dict):
        raise ValueError("it is no JSON object")
    # Two names speak of the seal, so that no single changed byte can hide that there was one.
    return False if "seal" in told or "sealed" in told else None
