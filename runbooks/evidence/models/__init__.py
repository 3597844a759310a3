"""What was seen, as frozen values.

Everything here is already redacted, every time is UTC and aware, and anything the sender left out
is `None`. `raw` keeps the whole (redacted) object, so that fields nobody has heard of yet survive.
Field names are the platform's (§1.4).
"""

from __future__ import annotations

from runbooks.evidence.models.caller import AppFinding, Caller, CallerError, Pasted, PastedMachine
from runbooks.evidence.models.evidence import Evidence, Subject
from runbooks.evidence.models.machine import App, Event, Exit, ImageRef, Json, Listing, LogLine, Logs, Machine
from runbooks.evidence.models.network import Addresses, Image, PlatformIncident, Probe, Refusal, Resolution, StatusFeed
from runbooks.evidence.models.observation import Exchange, Observation, Outcome, Reason, Requests
from runbooks.evidence.models.records import FunctionLog, FunctionSecret, FunctionSecrets, Record, RecordEvents, Records
from runbooks.evidence.models.token import Token, TokenInside, TokenPart, TokenScope

__all__ = [
    "Addresses",
    "App",
    "AppFinding",
    "Caller",
    "CallerError",
    "Event",
    "Evidence",
    "Exchange",
    "Exit",
    "FunctionLog",
    "FunctionSecret",
    "FunctionSecrets",
    "Image",
    "ImageRef",
    "Json",
    "Listing",
    "LogLine",
    "Logs",
    "Machine",
    "Observation",
    "Outcome",
    "Pasted",
    "PastedMachine",
    "PlatformIncident",
    "Probe",
    "Reason",
    "Record",
    "RecordEvents",
    "Records",
    "Refusal",
    "Requests",
    "Resolution",
    "StatusFeed",
    "Subject",
    "Token",
    "TokenInside",
    "TokenPart",
    "TokenScope",
]
