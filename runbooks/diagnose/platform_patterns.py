"""What the platform says around a program: its init, runner, proxy and health checks, and flyctl (§8.2, §7.3).

fact → (hint, pattern) pairs. A hint is text in small letters (or several, with `|` between) without which the pattern
is not tried. `thing` captures what the line is about, `number` a code, a count or a port.
"""

from __future__ import annotations

Table = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]

_ID = r"(?<![0-9a-f])[0-9a-f]{13,16}(?![0-9a-f])"
# `'name' on port 8080`; until 2023 `on port 8080` or `for your postgres role`
_CHECK = (
    r"(?: '(?P<thing>[^'\n]{1,80})')?(?: on port (?P<number>\d{1,5}))?"
    r"(?: for your (?P<thing2>[a-z]{2,20}(?: [a-z]{2,20})?))?"
)
_ADDRESS = r"(?P<thing>[\d.]{7,15}:(?P<number>\d{1,5})|\[[\da-f:]{2,45}\]:\d{1,5})"

INIT: Table = (
    ("booting", (("starting init", r"Starting init \(commit"),)),
    ("command", (("preparing to run", r"Preparing to run: `?(?P<thing>[^`\n]{1,500}?)(?:`|$| as \w{1,40}$)"),)),
    ("volume-mounted", (("mounting /dev/", r"^\s*(?:INFO )?Mounting /dev/\w{1,10} at (?P<thing>\S{1,200})"),)),
    ("signalled", (("sending signal", r"Sending signal (?P<thing>SIG[A-Z0-9]{2,9}) to main child process"),)),
    (
        "exited",
        (
            ("main child exited", r"Main child exited normally with code: (?P<number>\d{1,9})"),
            # the events of the platform before machines, until 2023
            ("exit code:", r"^\s*Terminated\s{1,20}Exit Code: (?P<number>\d{1,9})"),
        ),
    ),
    ("killed", (("main child exited", r"Main child exited with signal \(with signal '(?P<thing>\w{1,20})'"),)),
    ("stopping", (("starting clean up", r"Starting clean up"), ("shutting down virtual", r"Shutting down virtual"))),
    (
        "restarting",
        (
            ("restarting system", r"reboot: Restarting system"),
            ("starting clean up", r"Starting clean up"),
            ("defaulting to restart", r"did not have a restart policy, defaulting to restart"),
        ),
    ),
    (
        "exec-format",
        (
            ("exec format error", r"[Ee]xec format error"),
            ("enoexec", r"\bENOEXEC\b"),
            ("qemu-|rosetta", r"qemu-[\w-]{3,20}: Could not open|rosetta error: failed to open elf"),
        ),
    ),
    (
        "spawn-failed",
        (
            (
                "failed to spawn",
                r"failed to spawn command: (?:(?P<thing>.{1,500}?): (?:No such|Permission)|(?P<thing2>[^:\n]{1,500})$)",
            ),
            ("unhandledioerror", r"\bUnhandledIoError\(Os \{ code: (?:2|13)\b"),
            ("exec", r"(?i)^(?:.{0,80} )?exec:? .{0,200}(?:executable file not found|no such file)"),
            ("permission denied", r"(?i)^exec:? (?P<thing>\S{1,300}): permission denied"),
            (
                "permission denied",
                r"^(?:/bin/)?(?:ba|da|a)?sh: (?:(?:line )?\d{1,6}: )?(?P<thing>\.{0,2}/\S{1,300}): Permission denied",
            ),
        ),
    ),
    (
        "out-of-memory",
        (
            ("out of memory", r"(?i)out of memory: killed process \d+ \((?P<thing>[^)\n]{1,80})\)"),
            ("out of memory", r"Out of memory: Killed process"),
            ("oom killed", r"Process appears to have been OOM killed"),
            ("last few gcs", r"<--- Last few GCs --->"),
            ("heap", r"JavaScript heap out of memory|Reached heap limit|Ineffective mark-compacts near heap limit"),
            ("outofmemory", r"\b(?:java\.lang\.OutOfMemoryError|System\.OutOfMemoryException)\b"),
            ("memoryerror", r"\b(?:MemoryError|NoMemoryError)\b"),
            ("allowed memory size", r"Allowed memory size of \d{1,20} bytes exhausted"),
            ("runtime: out of memory", r"runtime: out of memory"),
            ("perhaps out of memory", r"was sent SIGKILL! Perhaps out of memory"),
            ("cannot allocate", r"(?i)cannot allocate memory|eheap_alloc: cannot allocate"),
            ("bad_alloc", r"std::bad_alloc"),
            ("process out of memory", r"Allocation failed - process out of memory"),
            ("insufficient memory for the java", r"insufficient memory for the Java Runtime Environment"),
            ("memory allocation of", r"\bmemory allocation of \d{1,20} bytes failed"),
            ("oom-kill", r"\boom-kill:constraint=|\binvoked oom-killer:"),
            (
                "killed process",
                r"(?i)^\W{0,4}(?:\[[\d. ]{1,20}\] )?killed process \d+ "
                r"\((?P<thing>[^)\n]{1,80})\).{0,20}\b(?:total-vm|anon-rss)",
            ),
        ),
    ),
    ("abrupt", (("exited abruptly", r"Virtual machine exited abruptly"),)),
)
RUNNER: Table = (
    ("pulling", (("pulling container image", r"^\s*Pulling container image(?: (?P<thing>\S{1,300}))?"),)),
    (
        "prepared",
        (
            ("successfully prepared image", r"^\s*Successfully prepared image"),
            ("already prepared", r"^\s*Container image \S{1,300} already prepared"),
        ),
    ),
    (
        "wrong-platform",
        (
            ("platform in manifest", r"(?i)no (?:match for|supported) platform (?:found )?in manifest"),
            ("matching manifest for", r"(?i)no matching manifest for linux/\w{3,8}"),
            ("the specified platform", r"(?i)does not match the specified platform"),
        ),
    ),
    (
        "pull-failed",
        (
            (
                "image",
                r"(?i)^(?!.{0,40}enough space|.{0,80}build from source)"
                r".{0,80}?\b(?:pull|prepar|fetch)\w{0,6}\b.{0,200}?\bimage\b"
                r".{0,300}?\b(?:fail(?:ed|ure)?|errors?|unable|not found|cancel\w*)\b",
            ),
            (
                "image",
                r"(?i)\b(?:fail(?:ed|ure)?|errors?|unable|could not)\b(?!.{0,100}build from source)"
                r".{0,60}?\b(?:pull|prepar|fetch|unpack)\w{0,6}\b.{0,80}?\bimage\b",
            ),
        ),
    ),
    (
        "no-space",
        (
            ("space to unpack", r"(?P<thing>[Nn]ot enough space to unpack image[^\n]{0,80})"),
            (
                "no space left",
                r"(?i)(?P<thing>(?:unpack|extract|layer|image|rootfs"
                r"|snapshot)\w{0,6}\b.{0,200}?no space left on device)",
            ),
            ("image", r"(?i)(?P<thing>\bimage\b.{0,40}?\b(?:too large|exceeds (?:the )?(?:maximum|limit)).{0,60})"),
        ),
    ),
    (
        "exit-not-restarting",
        (
            ("not restarting", r"machine exited with exit code (?P<number>\d{1,9}), not restarting"),
            ("not restarting", r"machine restart policy set to '\w{1,20}', not restarting"),
        ),
    ),
    ("runner-exit", (("with exit code", r"machine exited with exit code (?P<number>\d{1,9})\b(?!, not restarting)"),)),
    ("left-stopped", (("non-started state", r"machine was in a non-started state prior to the update"),)),
    (
        "restarts-used-up",
        (
            ("max restart", r"reached its max restart(?: count(?: (?:of |\((?=\d{1,9}\)))(?P<number>\d{1,9}))?)?"),
            ("exceeded allowed attempts", r"^\s*Not Restarting\s{1,20}Exceeded allowed attempts (?P<number>\d{1,9})"),
        ),
    ),
    ("created-and-started", (("created and started in", r"Machine created and started in"),)),
    ("started", (("machine started in", r"^Machine started in"),)),
    (
        "trial",
        (
            ("trial machine", r"Trial machine stopping"),
            ("machine stopping", r"Machine stopping\W{1,3}[Tt]rial (?:has ended|has expired|is over)"),
        ),
    ),
    (
        "volume-failed",
        (
            (
                "volume|/dev/vd",
                r"(?i)\b(?:fail(?:ed|ure)?|errors?|unable|could ?n[o']t)\b.{0,60}?\b(?:mount|attach|open"
                r"|format|decrypt)\w{0,6}\b"
                r".{0,60}?(?:\bvolume\b|/dev/vd\w)",
            ),
        ),
    ),
    ("migrated", (("migrat", r"(?i)\bmachine\b.{0,60}?\bmigrat(?:ed|ing|ion)\b|\bmigrated=true\b"),)),
    ("abrupt", (("exited abruptly", r"Virtual machine exited abruptly"),)),
    ("restarting", (("defaulting to restart", r"did not have a restart policy, defaulting to restart"),)),
    ("stopping", (("shutting down virtual", r"Shutting down virtual machine"),)),
)
PROXY: Table = (
    (
        "autostop",
        (
            # A line that was cut keeps its meaning, and names no machine.
            (
                "excess capacity",
                rf"excess capacity, auto(?:stopp|suspend)(?:ing)?(?: machine)?(?: (?P<thing>{_ID})|[^\n]{{0,20}}$)",
            ),
            # the wording of 2023
            ("downscaling app", rf"Downscaling app .{{1,200}}Automatically stopping machine (?P<thing>{_ID})"),
            ("downscaling app", r"Downscaling app .{1,120} from \d{1,6} machines? to"),
            ("automatically stopping", rf"Automatically stopping machine (?P<thing>{_ID})"),
        ),
    ),
    (
        "autostart",
        (
            ("starting machine", r"^\s*Starting machine\s*$"),
            ("machine started in", r"^\s*machine started in"),
        ),
    ),
    ("reachable", (("became reachable in", r"machine became reachable in (?P<thing>[\d.]{1,9}m?s)"),)),
    (
        "refused",
        (
            ("refused connection", rf"instance refused connection(?:\. is your app listening on {_ADDRESS})?"),
            ("[pc0", r"\[PC0[12]\]"),
        ),
    ),
    (
        "awaited",
        (("waiting for machine", rf"waiting for machine to (?:be reachable|listen) on {_ADDRESS} \(waited"),),
    ),
    (
        "no-candidate",
        (
            ("[pr0", r"\[PR0[134]\]"),
            ("no known healthy", r"no known healthy instances found"),
            ("good candidate", r"could not find a good candidate within"),
            ("instance to route to", r"could not find an instance to route to"),
            ("nothing from that app", r"nothing from that app serves port"),
        ),
    ),
    ("no-such-machine", (("[pr02", r"\[PR02\]"), ("local instance", r"could not find local instance for route"))),
    (
        "proxy-wake-failed",
        (
            ("machines api returned", r"machines API returned an error: ?\"?(?P<thing>[^\"\n]{1,300})"),
            ("change machine state", r"failed to change machine state: (?P<thing>.{1,300})"),
            ("non-startable state", r"machine is in a (?P<thing>non-startable state(?:: \w{1,30})?)"),
            ("connect to machine", r"failed to connect to machine(?:: (?P<thing>.{1,300}))?"),
            ("wake up machine", r"could not wake up machine due to (?P<thing>.{1,200})"),
            ("[pm", r"\[PM(?!11)\d\d\] ?(?P<thing>.{0,300})"),
        ),
    ),
    (
        "worker-unreachable",
        (("[pu03", r"\[PU03\]"), ("worker", r"(?i)\bunreachable worker|worker host .{0,20}unreachable")),
    ),
    ("cross-network", (("cross-network replays", r"cross-network replays are not allowed"),)),
    ("replay-refused", (("[pa0", r"\[PA0[45]\]"), ("fly-replay", r"fly-replay.{0,200}(?:cannot find|permission)"))),
    (
        "concurrency",
        (
            (
                "reached hard limit",
                r"reached hard limit(?: of)?(?: (?P<number>\d{1,9})"
                r"(?: concurrent (?P<thing>connections|requests)|[^\n]{0,20}$)| ?$)",
            ),
            ("[pl0", r"\[PL0[12]\]"),
        ),
    ),
    (
        "tls-failed",
        (("[pt", r"\[PT\d\d\]"), ("tls", r"(?i)no valid tls certificate|\btls handshake (?:failed|timed out)")),
    ),
    ("proxy-code", (("[p", r"\[(?P<thing>P[A-Z]\d\d)\]"),)),
)
HEALTH: Table = (
    (
        "health-failed",
        (
            (
                "health check",
                rf"Health check{_CHECK} (?:has failed|is now (?:critical|failing)"
                r"|is in a '(?:critical|warning)' state)",
            ),
            ("status changed", r"Health check status changed.{0,40}=> 'critical'"),
        ),
    ),
    (
        "health-passed",
        (
            (
                "health check",
                rf"Health check{_CHECK} is (?:now|in a) '?passing",
            ),
            ("status changed", r"Health check status changed.{0,40}=> 'passing'"),
        ),
    ),
)
FLYCTL: Table = (
    (
        "health-failed",
        (
            (
                "health checks to pass",
                # a time-out of the client while it polls says nothing about the checks (§14.14)
                r"(?:timeout reached|failed to wait(?:ing)?|waiting).{0,20} for health checks to pass"
                r"(?!.{0,400}(?:request canceled|context deadline exceeded|Client\.Timeout))",
            ),
        ),
    ),
    (
        "release-command",
        (
            ("release_command", r"release_command failed(?:.{0,80}?with exit code (?P<number>\d{1,3}))?"),
            ("release_command", r"release_command machine .{1,40} exited with non-zero status of (?P<number>\d{1,3})"),
            # the wording of 2022
            ("user command error", r"user command error: exit status (?P<number>[1-9]\d{0,2})"),
            ("release command", r"[Rr]elease command failed|not be available until the release command succeeds"),
        ),
    ),
    (
        "push-failed",
        (
            ("failed to push", r"failed to push (?P<thing>(?:registry\.fly\.io/|image\b)\S{0,200})"),
            ("error pushing image", r"error pushing image"),
            ("/v2/", r"unexpected status from (?:HEAD|PUT|POST|PATCH) request to \S{1,200}/v2/"),
        ),
    ),
    (
        "deploy-failed",
        (
            ("unrecoverable error", r"Unrecoverable error: (?P<thing>.{1,300})"),
            # the platform before machines, until 2023
            (
                "failed due to",
                r"\bv\d{1,6} failed - (?P<thing>Failed due to (?:unhealthy allocations|progress deadline)\b)",
            ),
            ("update failed", r"(?:failed to update|error updating) (?:VM|machine) .{1,300}"),
            ("failed to update", r"(?:failed to update|error updating) (?:VM|machine) .{1,300}"),
        ),
    ),
    (
        "destroyed-by-hand",
        (("attempting to destroy", r"was found and is currently in .{1,30} state, attempting to destroy"),),
    ),
    (
        "deploy-destroys",
        (
            ("destroy", r"^\s*\* destroy (?P<number>\d{1,6}) .{0,80}?machines?\b"),
            ("destroying all", r"\bDestroying all (?:blue|green|old) machines\b"),
        ),
    ),
    ("canary", (("canary", r"\bCreating canary machine\b|\bwith canary strategy\b"),)),
    ("smoke-failed", (("smoke checks", r"[Ss]moke checks for .{1,60} failed"),)),
    (
        "not-expected-address",
        (
            ("expected address", r"app is not listening on the expected address"),
            # the wording of 2023
            ("incorrect address", r"app is listening on the incorrect address"),
        ),
    ),
    # What flyctl prints below that warning: the address that the configuration expects, and the open sockets.
    ("expected-socket", (("0.0.0.0:", r"^\s*- (?P<thing>0\.0\.0\.0:(?P<number>\d{2,5}))\s*$"),)),
    (
        "open-socket",
        (
            (
                " | ",
                r"^\s*(?!\S*hallpass)/?[\w./@-]{1,80} {1,40}\| "
                r"(?P<thing>(?:\d{1,3}(?:\.\d{1,3}){3}|\[[\da-f:]{2,45}\]):(?P<number>\d{2,5}))\s*$",
            ),
        ),
    ),
    # A certificate that waits for its hostname's records; one that was ordered a minute ago waits for nobody.
    (
        "certificate-waits",
        (
            (
                "awaiting configuration",
                r"\bcertificate for (?P<thing>\S{4,120}) is being issued\. Status is Awaiting configuration"
                r"|^\s*(?P<thing2>[\w*.-]{4,120}) {2,40}.{1,50}\bAwaiting configuration\b",
            ),
        ),
    ),
    (
        "certificate-pending",
        (("has not been issued", r"\bcertificate for (?P<thing>\S{4,120}) has not been issued(?: yet)?\b"),),
    ),
    (
        "certificate-age",
        (("added to app", r"^\s*Added to App\s{1,20}= (?P<thing>(?:an|\d{1,4}) (?:hour|day|week|month|year)s? ago)"),),
    ),
    ("authority", ((" issue", r"\b\d{1,3} issue(?:wild)? \"(?P<thing>[^\"\n]{0,120})\"\s*\Z"),)),
    ("deployed", (("newly deployed app at", r"\bVisit your newly deployed app at (?P<thing>https?://\S{4,120})"),)),
    ("certificate-issued", (("has been issued", r"\bcertificate for (?P<thing>\S{4,120}) has been issued"),)),
    (
        "unmanaged",
        (
            ("that are unmanaged", r"found (?P<number>\d{1,6}) machines? that (?:is|are) unmanaged"),
            ("aren't part of", r"Found machines that aren't part of (?:the )?Fly (?:Launch|Apps Platform)"),
        ),
    ),
    (
        "deploying",
        (
            (
                "updat",
                rf"\b(?:Updating(?: machine)?|Updated machine config for) (?P<thing>{_ID})"
                rf"|\bMachine (?P<thing2>{_ID})(?: \[[\w-]{{1,40}}\])? update finished",
            ),
            (
                "good state|has state",
                rf"\bMachine (?P<thing>{_ID})(?: \[[\w-]{{1,40}}\])? (?:is now in a good state|has state:)",
            ),
            ("replacing", rf"\bReplacing (?P<thing>{_ID})"),
            ("destroying", rf"\bDestroying(?: machine)? (?P<thing>{_ID})"),
        ),
    ),
    (
        "removed",
        (
            ("destroyed|deleted", rf"\b(?:Destroyed|Deleted)(?: machine)? (?P<thing>{_ID})"),
            ("destroyed", rf"(?P<thing>{_ID})(?: \[[\w-]{{1,40}}\])? (?:has been |was )?destroyed"),
        ),
    ),
)
