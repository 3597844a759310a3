"""One strict model per runbook: a parameter is read as it was meant, or refused in one paragraph."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from runbooks.base.brief import brief
from runbooks.base.consent import Consent
from runbooks.base.errors import ParameterError
from runbooks.base.files import NotReadable, read_text, why
from runbooks.base.settings import RECORDS_TABLE

MACHINE_ID = re.compile(r"^[0-9a-f]{13,16}\Z")
_HEX = re.compile(r"^(?=.*[0-9])[0-9a-f]+\Z")
"""What is meant as an id: a name has other letters."""
_CLOCKS_DIFFER = timedelta(minutes=5)
APP_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}\Z")
_MACHINE_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,100}\Z")
_SOURCE = re.compile(r"^(live|simulator:.+|bundle:.+)\Z")
_REMEDIES = {
    "app_name": "Write it as `fly apps list` shows it.",
    "org_slug": "Write it as `fly orgs list` shows it.",
    "machine_id": "Write the id alone, as `fly machine list` shows it, or give the machine's name as machine_name.",
    "machine_name": "Write it as `fly machine list` shows it.",
    "source": "Write one of the three; `runbooks list --scenarios` lists the scenarios.",
}
_MAX_LOG = 5_000_000
_piped: dict[str, str] = {}
"""What came out of pipes, by name: a pipe can be read once only."""


def _string(value: object, info: ValidationInfo) -> object:
    """Numbers are refused, not converted: what papermill's `-p` made of an id cannot be undone."""
    if value is None:
        return ""
    if isinstance(value, str):
        # Of a pasted log only the lines around it go, which the quotes in a notebook's cell bring along.
        return value.strip("\r\n") if info.field_name == "caller_log" else value.strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    raise ValueError(
        f"it arrived as the number {value!r}, and a number may already have lost digits. "
        f"Hand it over as text: `runbooks run` keeps it as it is, papermill does with "
        f"`-r {info.field_name} ID` (its `-p` guesses types), a notebook cell with quotes: "
        f'{info.field_name} = "…"'
    )


Text = Annotated[str, BeforeValidator(_string)]


class CommonParameters(BaseModel):
    """What every runbook takes, whatever it is about: where to ask, and for whom."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    CONSENTS: ClassVar[frozenset[str]] = frozenset()
    """Parameters that allow something: only a person gives them, so no scenario, bundle or run supplies them."""

    org_slug: Text = Field("", description="the organisation, if the token cannot tell")
    source: Text = Field("live", description="live, simulator:SCENARIO or bundle:PATH")
    title: Text = Field("", description="a title for the report")

    def __repr__(self) -> str:
        return brief(f"Parameters ({type(self).__name__})", {k: v for k, v in self.model_dump().items() if v})

    @model_validator(mode="after")
    def _places(self) -> Self:
        if self.org_slug and not APP_NAME.match(self.org_slug):
            wanted = "an organisation slug: lower-case letters, digits and hyphens"
            raise ValueError(f"org_slug: {shown(self.org_slug)} is not {wanted}")
        if not _SOURCE.match(self.source):
            raise ValueError(f"source: {shown(self.source)} is not live, simulator:SCENARIO or bundle:PATH")
        return self

    def inherited(self) -> Mapping[str, Any]:
        """Parameters that another run supplies, which one of these names; a runbook's own model may say which."""
        return {}

    def pasted(self) -> bool:
        """Whether there is a text to read, whatever can be asked."""
        return False

    def consent(self) -> Consent:
        """What is allowed besides reading; a runbook's own model may say more than nothing."""
        return Consent()

    def supplied(self, defaults: Mapping[str, Any]) -> Mapping[str, Any]:
        """Of the parameters that a source has by itself, those that hold beside the given ones."""
        return defaults

    def target(self) -> Mapping[str, Any]:
        """Fields of the collection's `Target`: a runbook's own model fills them from its own parameters."""
        return {}

    def recorded(self) -> frozenset[str]:
        """The parameters that a saved run keeps; not those whose content is an answer of its own."""
        return frozenset(type(self).model_fields) - {"source"} - self.CONSENTS

    def reading_only(self) -> Self:
        """The same without anything that allows more than reading."""
        fields = type(self).model_fields
        return self.model_copy(update={name: fields[name].default for name in self.CONSENTS})

    def settled(self) -> dict[str, str]:
        """What has to be given otherwise to a process in another folder: texts for files, absolute paths."""
        return {"source": absolute(self.source)}

    def require(self) -> None:
        """Check that there is enough to begin with.

        Raises:
            ParameterError: something is missing; it names the parameter and says what to do
        """


class Parameters(CommonParameters):
    """What a runbook about one machine takes: which one, and what its caller believes."""

    app_name: Text = Field("", description="the Fly app the machine should be in; a pasted text can name it")
    machine_id: Text = Field("", description="the machine's id, 14 hex digits, as text; a name is recognised")
    machine_name: Text = Field("", description="the machine's name, if there is no id")
    image: Text = Field("", description="the image the caller believes it asked for")
    websocket_url: Text = Field("", description="the URL the caller connects to")
    caller_log: Text = Field("", description="a log, an answer or the output of a command, pasted, or a path to it")
    record_key: Text = Field("", description="the row's key in the caller's database, if it is not the id or name")
    records_table: Text = Field(RECORDS_TABLE, description="the table of the caller's database")
    incident_time: Text = Field("", description="when it happened, ISO 8601; UTC is assumed if no zone is given")

    @model_validator(mode="after")
    def _shapes(self) -> Self:
        check_names(self)
        if self.incident_at and self.incident_at > datetime.now(UTC) + _CLOCKS_DIFFER:
            raise ValueError(
                f"incident_time: {shown(self.incident_time)} is in the future; write when it happened, with its zone, "
                f"such as 2025-10-02T03:00:00+02:00 (UTC is assumed)"
            )
        if self.incident_time and self.incident_at is None:
            raise ValueError(
                f"incident_time: {shown(self.incident_time)} is not a date and time that can be read; "
                f"write it as 2025-10-02T03:00:00Z"
            )
        return self

    @property
    def incident_at(self) -> datetime | None:
        try:
            at = datetime.fromisoformat(self.incident_time)
            at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            return None
        return at if 2000 <= at.year < 2100 else None

    def pasted(self) -> bool:
        return bool(self.caller_log)

    def target(self) -> Mapping[str, Any]:
        names = ("app_name", "machine_id", "machine_name", "image", "websocket_url", "record_key", "records_table")
        given = {name: getattr(self, name) for name in names}
        return given | {"caller_text": caller_text(self.caller_log), "incident_at": self.incident_at}

    def recorded(self) -> frozenset[str]:
        return super().recorded() - {"caller_log"}

    def settled(self) -> dict[str, str]:
        return super().settled() | {"caller_log": caller_text(self.caller_log)}

    def require(self) -> None:
        """The least that an investigation needs: an app, and something to look for; a pasted text can name both."""
        if not (self.app_name or self.caller_log):
            raise ParameterError(
                "app_name",
                "The parameter app_name is missing: the Fly app in which the machine should be.",
                "Give it with -p app_name NAME (in a notebook: the first cell).",
            )
        if not (self.machine_id or self.machine_name or self.caller_log):
            raise ParameterError(
                "machine_id",
                "Nothing to look for: none of machine_id, machine_name and caller_log is given.",
                "Give at least one of them, for example -p machine_id 91850296bd4738.",
            )
        _readable(self.caller_log)


def check_names(given: BaseModel) -> None:
    """Check the names of an app and a machine, where a model has them.

    Raises:
        ValueError: one of them cannot be a name; it begins with the parameter
    """
    for name, pattern, wanted in (
        ("app_name", APP_NAME, "an app name: lower-case letters, digits and hyphens"),
        ("machine_name", _MACHINE_NAME, "a machine name: letters, digits, hyphens"),
        ("machine_id", _MACHINE_NAME, "a machine id (14 hex digits) or a machine name"),
    ):
        value = getattr(given, name, "")
        if value and not pattern.match(value):
            raise ValueError(f"{name}: {shown(value)} is not {wanted}")
    machine_id = getattr(given, "machine_id", "")
    if _HEX.match(machine_id) and not MACHINE_ID.match(machine_id):
        raise ValueError(f"machine_id: {shown(machine_id)} is no machine id: an id has 14 hex digits")


def validate(
    runbook: str,
    model: type[CommonParameters],
    values: Mapping[str, Any],
    defaults_of: Callable[[str], Mapping[str, Any]],
    nearby: Callable[[], Mapping[str, Any]] = dict,
) -> CommonParameters:
    """Check the given values; what was not given is filled from the runs or scenarios that they name.

    Args:
        runbook: the runbook's name, for the messages
        model: the model of its parameters
        values: the given values by name
        defaults_of: the parameters that a source (`simulator:…`, `bundle:…`) supplies by itself
        nearby: what the current folder and the user's own file supply for a live run, where nothing else does

    Returns:
        the checked parameters

    Raises:
        ParameterError: a value cannot be used; it names the parameter and says what to do (exit 2)
    """
    for name in values:
        if name not in model.model_fields:
            close = difflib.get_close_matches(name, model.model_fields, n=1)
            hint = (
                f"Did you mean {close[0]}?"
                if close
                else "Known are: " + ", ".join(row[0] for row in describe(model)) + "."
            )
            raise ParameterError(name, f"There is no parameter {name!r} in {runbook}.", hint)
    given = {name: value for name, value in values.items() if not _empty(value)}
    parameters = _parse(model, given)
    defaults = dict(parameters.inherited()) | dict(parameters.supplied(defaults_of(parameters.source)))
    if parameters.source == "live":
        defaults = dict(nearby()) | defaults
    if defaults:
        supplied = model.model_fields.keys() - model.CONSENTS
        known = {name: value for name, value in defaults.items() if name in supplied}
        parameters = _parse(model, {**known, **given})
    parameters.require()
    return parameters


def _empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def describe(model: type[CommonParameters]) -> list[tuple[str, str, str, str]]:
    """Name, type, default and help of each parameter, those of every runbook last."""
    return [
        (
            name,
            "true/false" if field.annotation is bool else "text",
            str(field.default),
            field.description or "",
        )
        for name, field in sorted(model.model_fields.items(), key=lambda item: item[0] in CommonParameters.model_fields)
    ]


def caller_text(caller_log: str) -> str:
    """The caller's words: the pasted text itself, or the contents of the file it names."""
    return named_text(
        "caller_log", caller_log, _MAX_LOG, "shorten it to the lines around the failure, or paste the log itself"
    )


def named_text(name: str, value: str, most: int, otherwise: str = "paste the text itself") -> str:
    """A text that may stand for itself or in the file that it names.

    Args:
        name: the parameter
        value: what was given for it
        most: bytes of the file
        otherwise: what to do with a file that cannot be read

    Raises:
        ParameterError: there is such a file, and it cannot be read
    """
    path = _path(value)
    if path is None:
        return value
    if value in _piped:
        return _piped[value]
    try:
        text = read_text(path, most)
        if path.is_fifo():
            _piped[value] = text
        return text
    except (OSError, NotReadable) as error:
        told = why(error) if isinstance(error, OSError) else str(error)
        raise ParameterError(
            name,
            f"The file that {name} names, {shown(value)}, cannot be read: {told}.",
            f"Make it readable, or {otherwise}.",
        ) from None


def _path(caller_log: str) -> Path | None:
    """The file that a one-line text names, if there is one."""
    if not caller_log or "\n" in caller_log or "{" in caller_log or len(caller_log) > 1000:
        return None
    try:
        path = Path(caller_log.strip()).expanduser()
        return path if path.exists() and not path.is_dir() else None
    except (OSError, RuntimeError, ValueError):
        # Too long for a name, a home that nobody has: text, then.
        return None


def absolute(source: str) -> str:
    """The same source for a process in another folder: paths of bundles and scenario files made absolute."""
    kind, _, rest = source.partition(":")
    path = Path(rest).expanduser()
    return f"{kind}:{path.absolute()}" if kind in ("bundle", "simulator") and rest and path.exists() else source


def _readable(caller_log: str) -> None:
    """A one-line text that looks like a path must be one that exists."""
    if len(caller_log) > _MAX_LOG:
        raise ParameterError(
            "caller_log",
            f"The text in caller_log has {len(caller_log):,} characters, and at most {_MAX_LOG:,} are read.",
            "Paste the lines around the failure.",
        )
    if _path(caller_log) is not None:
        caller_text(caller_log)
        return
    if looks_like_path(caller_log):
        raise ParameterError(
            "caller_log",
            f"caller_log looks like the path {shown(caller_log.strip())}, and there is no such file.",
            "Give a path that exists (relative to the current folder), or paste the log itself.",
        )


def looks_like_path(text: str) -> bool:
    """Is this one word, made like the path of a file?"""
    line = text.strip()
    one_word = 0 < len(line) <= 1000 and "{" not in line and "://" not in line and not re.search(r"\s", line)
    return one_word and ("/" in line or line.endswith((".txt", ".log", ".json", ".md", ".toml")))


def shown(value: str) -> str:
    """A refused value as a message shows it. It can be a token: `definitions.validate` masks the message."""
    return repr(value[:2000])


def _parse(model: type[CommonParameters], values: Mapping[str, Any]) -> CommonParameters:
    typed = dict(values)
    for name, field in model.model_fields.items():
        if field.annotation is bool and isinstance(typed.get(name), str):
            if typed[name] not in ("true", "false"):
                raise ParameterError(
                    name,
                    f"The parameter {name} is {shown(typed[name])}, and it takes true or false, nothing else.",
                )
            typed[name] = typed[name] == "true"
    try:
        return model(**typed)
    except ValidationError as error:
        first = error.errors()[0]
        message = str(first["msg"]).removeprefix("Value error, ")
        name = str(first["loc"][0]) if first["loc"] else message.partition(":")[0]
        if not first["loc"]:
            message = message.partition(": ")[2]
        raise ParameterError(
            name, f"The parameter {name} cannot be used: {message}.", _REMEDIES.get(name, "")
        ) from None
