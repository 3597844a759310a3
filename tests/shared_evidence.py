"""The evidence of each scenario, collected once for all workers of a session."""

from __future__ import annotations

import os
import pickle
from functools import cache
from pathlib import Path

from produced import SHARED

from runbooks.evidence.models import Evidence
from tools.generate_docs import play as collected


@cache
def play(name: str) -> Evidence:
    """The same as that of `make docs`: two workers may collect the same at once, and either result will do."""
    kept = Path(os.environ[SHARED]) / f"{name}.pickle"
    if kept.exists():
        evidence: Evidence = pickle.loads(kept.read_bytes())
        return evidence
    evidence = collected(name)
    new = kept.with_suffix(f".{os.getpid()}")
    new.write_bytes(pickle.dumps(evidence))
    new.replace(kept)
    return evidence
