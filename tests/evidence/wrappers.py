"""How clients print a refusal: each takes the status, the error's text and the status word; out comes a paste.

The forms are those of flyctl, Terraform, Pulumi, FLAME, Req, httpx, requests, axios, Go, Ruby, PHP and curl.
"""

from __future__ import annotations

import json
from collections.abc import Callable

ID = "01K4AS19K057WY04RHM2N58YBV-yyz"
PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    409: "Conflict",
    412: "Precondition Failed",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
}
URL = "https://api.machines.dev/v1/apps/acme-workers/machines"


def _body(text: str, word: str) -> str:
    return json.dumps({"error": text, **({"status": word} if word else {})})


def _single(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def _double(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def fly_api_error(status: int, text: str, word: str) -> str:
    return f"[2025-10-02T03:00:11.702Z] [Provision] Fly API error ({status}): {_body(text, word)}\n"


def http_and_body(status: int, text: str, word: str) -> str:
    return f"create machine: HTTP {status} {_body(text, word)}"


def body_only(status: int, text: str, word: str) -> str:
    return _body(text, word)


def pretty_body(status: int, text: str, word: str) -> str:
    return f"HTTP {status}\n" + json.dumps({"error": text, "status": word or "unknown"}, indent=2)


def message_form(status: int, text: str, word: str) -> str:
    return f"POST {URL} {status} ({PHRASES[status]})\n" + json.dumps({"status": "error", "message": text})


def empty_error_and_message(status: int, text: str, word: str) -> str:
    return f"fly responded with {status}: " + json.dumps({"error": "", "message": text})


def flyctl_run(status: int, text: str, word: str) -> str:
    return (
        "Searching for image 'registry.fly.io/acme-workers:v3' remotely...\nimage found: img_nk3yvlnz2zmdpome\n"
        f"Image size: 163 MB\n\nError: could not launch machine: failed to launch VM: {text} (Request ID: {ID}) "
        "(Trace ID: c63a1385ea560f90f8201d97c77d1d26)\n"
    )


def flyctl_deploy(status: int, text: str, word: str) -> str:
    return (
        "No machines in group app, launching a new machine\n-------\n"
        f" ✖ Failed: error creating a new machine: failed to launch VM: {text}\n-------\n"
        f"Error: error creating a new machine: failed to launch VM: {text} (Request ID: {ID})\n"
    )


def github_actions(status: int, text: str, word: str) -> str:
    return (
        "2026-03-14T01:00:23.1885077Z Process groups have changed. This will:\n"
        f"2026-03-14T01:00:24.2885077Z \x1b[31mError:\x1b[0m error creating a new machine: failed to launch VM: {text}"
        f" (Request ID: {ID})\n2026-03-14T01:00:24.2985690Z ##[error]Process completed with exit code 1.\n"
    )


def terraform(status: int, text: str, word: str) -> str:
    said = f"Create request failed: {status} {PHRASES[status]}, {_body(text, word)}"
    return (
        "╷\n│ Error: Failed to create machine\n│ \n│   with fly_machine.worker,\n"
        '│   on main.tf line 197, in resource "fly_machine" "worker":\n│  197: resource "fly_machine" "worker" {\n│ \n'
        f"│ {said}\n╵\n"
    )


def pulumi(status: int, text: str, word: str) -> str:
    return (
        "Diagnostics:\n  fly:index:Machine (worker):\n    error: creating fly:index:Machine: 1 error occurred:\n"
        f"    \t* unexpected status {status}: {_body(text, word)}\n"
    )


def flame(status: int, text: str, word: str) -> str:
    return f'** (RuntimeError) failed POST to {URL} with {status} ({_body(text, word)}): [{{~c"retry", 1}}]\n'


def elixir_map(status: int, text: str, word: str) -> str:
    more = f', "status" => {_double(word)}' if word else ""
    return f'{{:error, %{{status: {status}, body: %{{"error" => {_double(text)}{more}}}}}}}'


def elixir_struct(status: int, text: str, word: str) -> str:
    return (
        f"{{:error,\n #FlyMachines.Response<\n   status: {status},\n   headers: %{{\n"
        f'     "content-type" => ["application/json; charset=utf-8"],\n     "fly-request-id" => ["{ID}"],\n'
        f'     "server" => ["Fly/6dbc66600"]\n   }},\n   body: %{{"error" => {_double(text)}}},\n   ...\n >}}'
    )


def httpx_trace(status: int, text: str, word: str) -> str:
    return (
        f"response body: {_body(text, word)}\nTraceback (most recent call last):\n"
        '  File "/srv/fly.py", line 404, in create\n    response.raise_for_status()\n'
        f"httpx.HTTPStatusError: Client error '{status} {PHRASES[status]}' for url '{URL}'\n"
        f"For more information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/{status}\n"
    )


def requests_trace(status: int, text: str, word: str) -> str:
    return (
        f"requests.exceptions.HTTPError: {status} Client Error: {PHRASES[status]} for url: {URL}\n{_body(text, word)}"
    )


def python_exception(status: int, text: str, word: str) -> str:
    return f"fly.FlyAPIError: FlyAPIError({status}, {_single(text)})"


def python_dict(status: int, text: str, word: str) -> str:
    return f"create failed with {status} {{'error': {_single(text)}, 'status': {_single(word) if word else None}}}"


def go_wrapped(status: int, text: str, word: str) -> str:
    return f"2026/01/09 10:11:12 create machine: unexpected status {status}: {_body(text, word)}"


def logfmt(status: int, text: str, word: str) -> str:
    return f'time=2026-01-09T10:11:12Z level=ERROR msg="could not create machine" err={_double(text)} status={status}'


def ruby_hash(status: int, text: str, word: str) -> str:
    return f'Fly::Error: the server responded with status {status} {{"error"=>{_double(text)}, :retry=>false}}'


def php_guzzle(status: int, text: str, word: str) -> str:
    return (
        f"GuzzleHttp\\Exception\\ClientException: Client error: `POST {URL}` resulted in a "
        f"`{status} {PHRASES[status]}` response:\n{_body(text, word)}"
    )


def axios_print(status: int, text: str, word: str) -> str:
    return (
        f"AxiosError: Request failed with status code {status}\n"
        "    at settle (node_modules/axios/lib/core/settle.js:19:12)\n"
        "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {\n"
        "  code: 'ERR_BAD_REQUEST',\n"
        f"  config: {{ transitional: [Object], method: 'post', url: '{URL}' }},\n  request: [ClientRequest],\n"
        f"  response: {{\n    status: {status},\n    statusText: '{PHRASES[status]}',\n"
        f"    headers: Object [AxiosHeaders] {{ 'fly-request-id': '{ID}' }},\n"
        f"    data: {{ error: {_single(text)} }}\n  }}\n}}"
    )


def axios_json(status: int, text: str, word: str) -> str:
    return json.dumps(
        {
            "level": 50,
            "time": 1790000000000,
            "msg": "could not create machine",
            "err": {
                "type": "AxiosError",
                "message": f"Request failed with status code {status}",
                "response": {"status": status, "data": {"error": text}, "headers": {"fly-request-id": ID}},
            },
        }
    )


def escaped_in_answer(status: int, text: str, word: str) -> str:
    return json.dumps({"message": f"Fly API error ({status}): {_body(text, word)}"})


def escaped_without_its_beginning(status: int, text: str, word: str) -> str:
    return f'errorMessage: "Fly API error ({status}): ' + json.dumps(_body(text, word))[1:-1] + '"'


def curl_headers(status: int, text: str, word: str) -> str:
    return (
        f"HTTP/2 {status} \ncontent-type: application/json; charset=utf-8\nfly-request-id: {ID}\n"
        f"date: Fri, 07 Mar 2025 16:34:03 GMT\nserver: Fly/6dbc66600 (2025-03-04)\nvia: 1.1 fly.io\n\n"
        f"{_body(text, word)}\n"
    )


def arrow(status: int, text: str, word: str) -> str:
    return f"fly POST /apps/acme-workers/machines → {status}: {text}"


def thrown_in_prose(status: int, text: str, word: str) -> str:
    return (
        f"Error: createMachine failed: {status} {PHRASES[status]} — {_body(text, word)}\n"
        "    at createMachine (fly.ts:404:11)"
    )


WRAPPERS: tuple[Callable[[int, str, str], str], ...] = (
    fly_api_error,
    http_and_body,
    body_only,
    pretty_body,
    message_form,
    empty_error_and_message,
    flyctl_run,
    flyctl_deploy,
    github_actions,
    terraform,
    pulumi,
    flame,
    elixir_map,
    elixir_struct,
    httpx_trace,
    requests_trace,
    python_exception,
    python_dict,
    go_wrapped,
    logfmt,
    ruby_hash,
    php_guzzle,
    axios_print,
    axios_json,
    escaped_in_answer,
    escaped_without_its_beginning,
    curl_headers,
    arrow,
    thrown_in_prose,
)
# These print no status.
WITHOUT_STATUS = (body_only, flyctl_run, flyctl_deploy, github_actions)
WITH_ID = (flyctl_run, flyctl_deploy, github_actions, elixir_struct, axios_print, axios_json, curl_headers)
