"""What may be seen in structured values: by the key it stands under, or by its shape. All else is masked."""

from __future__ import annotations

import os
import re
from functools import lru_cache

from runbooks.evidence.redaction.names import Strength, snake_case, strength_of

# Maps whose values nobody but the owner knows: masked unless key or shape is harmless.
ENVIRONMENT = frozenset({"env", "environment", "metadata", "headers", "build_args", "labels", "cookies"})
COMMANDS = frozenset({"cmd", "exec", "entrypoint", "command", "args", "init", "processes", "docker_cmd"})
# Names that programs and platforms give to settings, in small letters; a part of a name is between underscores.
_KEYS = re.compile(
    r"(?:fly_.*|node_env|rails_env|rack_env|mix_env|app_env|environment|env|stage|tz|lang|lc_\w+|language|path|pythonpath"
    r"|home|shell|term|hostname|user|pwd|shlvl|editor|pager|port|host|bind|listen|addr(?:ess)?|region|primary_region"
    r"|log_level|loglevel|log_format|debug|verbose|level|mode|phase|role|tier|group|process_group|kind|type|name|title"
    r"|id|state|status|version|release|image|tag|ref|branch|commit|sha|digest|arch|os|platform|cpu\w*|mem\w*|memory\w*"
    r"|priority|size|count|workers?|threads?|replicas|concurrency|timeout|interval|delay|retries|max_\w+|min_\w+|ttl"
    r"|method|protocol|scheme|transport|format|encoding|charset|content_type|accept|user_agent|server|date|via|vary"
    r"|cache_control|connection|created_at|updated_at|started_at|\w+_at|managed_by|created_by|owner|team|project|service"
    r"|component|instance|zone|cloud|provider|cluster|namespace|container|node|worker|job|task|queue|feature\w*|enable\w*"
    r"|disable\w*|use_\w+|is_\w+|has_\w+|with_\w+|skip_\w+|\w+_(?:port|host|hostname|region|level|mode|env|version|state"
    r"|status|timeout|interval|size|count|workers|threads|concurrency|limit|ttl|enabled|disabled|dir|path|file|name|id"
    r"|type|format|branch|commit|sha|image|tag|arch|options|opts|flags|args|priority|class|driver|backend|locale|days"
    r"|hours|seconds|minutes|ms|kb|mb|gb|bytes|cpu|cpus|memory|strategy|policy|provider|method|protocol))"
)
# Fields of Fly's answers, of registries, logs, metrics and of a case, whose values are named by the platform or by us;
# some hold text of a program. None of them holds a secret but as text.
_FIELDS = re.compile(
    r"add_size_gb|addr|alpn|app|app_name|apps|architecture|attached_alloc_id|attached_machine_id|basename|"
    r"caller_log|cause|code|command|config|created|created_by|dashboard_url|description|detail|details|digest|"
    r"entrypoint|error|errors|event|events|exit_code|fetched_at|field_ref|fly_request_id|fstype|gpu_kind|"
    r"grace_period|guest_path|health_check_url|history|host_dedication_id|id|image|image_ref|instance|"
    r"instance_id|internal_port|ips|kind|label|labels|layers|level|line|log|machine|machine_id|machine_name|"
    r"media_type|memory_mb|message|meta|method|metric_type|msg|name|nameservers|network|next_token|option|org|"
    r"org_slug|organization|output|owner|path|policy|primary_region|private_ip|processes|proto|provider|reason|"
    r"record_key|region|registry|repository|request|result|result_type|schedule|secret_name|signal|slug|"
    r"snapshot_id|source|source_volume_id|stack|state|status|stop_config|tag|text|timestamp|title|topic|trace|"
    r"type|updated_at|url|user_config|version|volume|websocket_url|working_dir|zone|__name__"
)
# A file, and a place in one.
PLACE = re.compile(r"(?:[\w@.+-]{1,80}:)?(?:[\w@.+-]{0,80}/){1,20}[\w@.+-]{0,80}(?::\d{1,7}){0,2}$")
# Words, and names as people and platforms give them: `shared-cpu-1x`, `MANIFEST_UNKNOWN`, `on-failure`, `app.v2`.
_NAME = re.compile(
    r"[A-Za-z][A-Za-z]{0,39}(?:[-_. ][A-Za-z]{1,30}){0,8}[.!?:]?"
    r"|[a-z][a-z0-9]{0,24}(?:[-_.][a-z0-9]{1,16}){1,8}|[vV]?\d{1,9}|[a-z]{1,4}\d{1,3}"
    r"|[a-z][a-z0-9._-]{0,60}:(?:latest|v?\d{1,4}(?:[._-][a-z0-9]{1,16}){0,6}|deployment-\w{4,40})"
)
_WORD = re.compile(
    r"true|false|yes|no|on|off|null|none|production|staging|development|test|prod|dev|debug|info|warn(?:ing)?|error"
)
_SHAPE = re.compile(
    r"[+-]?\d{1,15}(?:\.\d{1,6})?(?:ms|s|m|h|d|[kmgt]i?b?|%)?"  # a number, a duration, a size
    r"|[(\[{][\d., -]{1,60}[)\]}]"  # a point, a range, a list of numbers
    r"|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"  # a time
    r"|v?\d{1,6}(?:\.\d{1,6}){1,3}(?:[-+][a-z0-9.]{1,20})?"  # a version or an IPv4 address
    r"|\[?[0-9a-fA-F:]{2,39}\]?(?::\d{1,5})?(?<=[:\]0-9a-fA-F])(?<![0-9a-fA-F]{9})|:\d{1,5}|(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?"
    r"|[0-9a-f]{14}|01[A-Z][0-9A-Z]{22,24}(?:-[a-z]{3})?"  # machine, ULID
    r"|sha256:[0-9a-f]{64}|vol_[a-z0-9]{8,24}"
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|(?:ams|arn|atl|bog|bom|bos|cdg|den|dfw|ewr|eze|fra|gdl|gig|gru|hkg|iad|jnb|lax|lhr|mad|mia|nrt|ord|otp|phx|qro|scl"
    r"|sea|sin|sjc|syd|waw|yul|yyz)"
    r"|(?:[a-z0-9-]{1,63}\.)+(?:com|net|org|io|dev|app|internal|local|localhost|example|co|sh|ai|cloud|flycast)(?::\d{1,5})?"
    r"|localhost(?::\d{1,5})?|(?:/|\./|~/)[\w.@-]{0,80}(?:/[\w.@-]{0,80}){0,20}"  # a host, a path
    r"|(?:https?|wss?|tcp|unix)://[\w.-]{1,255}(?::\d{1,5})?(?:/[\w.-]{0,80}){0,12}"
    r"|(?:[a-z0-9.-]{1,100}(?::\d{1,5})?/){1,5}[a-z0-9._-]{1,100}(?::[\w.-]{1,128})?(?:@sha256:[0-9a-f]{64})?",
)
# What stands under a secret-looking name, and is yet too common a thing to be erased everywhere: identifiers,
# image references, addresses without credentials, short words.
COMMON = re.compile(
    r"[0-9a-f]{13,16}|0[0-9A-HJKMNP-TV-Z]{25}|(?:sha256:)?[0-9a-f]{64}|[A-Za-z]{1,12}|[\d.:-]{1,12}"
    r"|[a-z]{1,20}(?:[-_ ][a-z]{1,20}){0,6}"
    r"|(?:(?:https?|wss?)://)?[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,10}(?::\d+)?(?:/[a-z0-9._/-]{0,80})?(?::[\w.-]{1,128})?"
    r"(?:@sha256:[0-9a-f]{64})?"
)


# Flags of command lines whose operand is no secret, and those whose operand is code: evidence, read as free text.
_CODE = frozenset({"-c", "-m", "-e", "-lc", "-ec", "-exc", "-euc", "--eval", "--command", "-x"})


def code_follows(flag: str) -> bool:
    """Is what follows this flag told to a shell or interpreter?"""
    return flag in _CODE


def allowed_by_user() -> frozenset[str]:
    """Names of keys that a team wants to see, from `RUNBOOKS_REDACT_ALLOW`, separated by commas."""
    return frozenset(
        filter(None, (name.strip().lower() for name in os.environ.get("RUNBOOKS_REDACT_ALLOW", "").split(",")))
    )


@lru_cache(maxsize=8192)
def harmless_key(key: str) -> bool:
    """Is this the name of a setting that holds no secret?"""
    return strength_of(key) is Strength.NONE and _KEYS.fullmatch(snake_case(key)) is not None


def harmless_field(key: str) -> bool:
    """Is this the name of a setting or of a field of an answer?"""
    return harmless_key(key) or _FIELDS.fullmatch(snake_case(key)) is not None


def harmless_shape(value: str) -> bool:
    """Is this a number, time, state, region, id, digest, address or path, and nothing that could be a secret?"""
    return len(value) <= 512 and (_WORD.fullmatch(value) or _SHAPE.fullmatch(value)) is not None


def harmless_leaf(key: str, value: str) -> bool:
    """May this text of an answer be read by the rules for free text alone? By its key, its shape, or as a sentence.

    What has words in it (space between them), an address, or more JSON is evidence and is searched as text. A single
    token under a key that is neither Fly's nor a known setting has to have a shape that is known: words and names.
    """
    if not value or len(value.split()) > 1 or value[:1] in ("{", "[", "<") or "://" in value or PLACE.match(value):
        return True
    if harmless_field(key):
        return True
    return harmless_shape(value) or _NAME.fullmatch(value.removeprefix("-")) is not None  # -Infinity is a number, too
