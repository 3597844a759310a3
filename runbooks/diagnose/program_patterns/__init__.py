"""What programs print: that a port was taken, that they listen, that they crashed, and what they require."""

from __future__ import annotations

from runbooks.diagnose.platform_patterns import Table
from runbooks.diagnose.program_patterns.requirements import NEEDS, PRE

# A request and its answer in one line, as proxies, servers and `curl -w` write it: GET /path HTTP/1.1" 502
REQUEST = (
    r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?:https?://|/)\S{0,300}[^\d\n]{1,20}?"
    r"(?:HTTP/[\d.]{1,3}\W{1,3})?\b(?P<number>[1-5]\d\d)\b"
)
WORDS: Table = (
    *NEEDS,
    (
        "port-in-use",
        (
            (
                "eaddrinuse|in use",
                r"(?i)(?:eaddrinuse|already in use|connection in use)(?:: address already in use)?[ :,-]{0,6}"
                r"(?:bind\(2\) for )?"
                r"[('\"]{0,3}[\w.*\[\]]{0,45}?['\"]{0,2}(?::|,| port|) ?(?P<number>\d{2,5})\b(?!\.)",
            ),
            ("eaddrinuse", r"\bport: (?P<number>\d{2,5})\b.{0,60}:eaddrinuse"),
            ("addrinuse", r"\bAddrInUse\b"),
            (
                "in use",
                r"(?i)(?<!errno)[:, ](?P<number>\d{2,5})['\")\]/]{0,3}[:,]? ?(?:bind: "
                r"|failed \(98: )?(?:address )?(?:is |was )?already (?:in use|allocated)",
            ),
            (
                "in use",
                r"(?i)\bport:? (?P<number>\d{2,5}) (?:is |was )?(?:already |currently )?(?:in use|being used|occupied)",
            ),
            ("eaddrinuse|in use", r"(?i)\beaddrinuse\b|\baddress already in use\b"),
        ),
    ),
    (
        # a supervisor inside of the machine that reports the end of the program it started
        "child-failed",
        (
            ("exit status", r"(?i)cannot (?:exec|run)\b.{0,200}?exit status (?P<number>[1-9]\d{0,2})"),
            ("exit status", r"exited: (?P<thing>[\w.:-]{1,80}) \(exit status (?P<number>[1-9]\d{0,2}); not expected\)"),
            (
                "exited with code",
                r"^\s*(?:\[?(?P<thing>[\w.:/-]{1,60})\]? )?(?:process )?exited with code (?P<number>[1-9]\d{0,2})",
            ),
            ("exited with status", r"(?i)\bcommand exited with status (?P<number>[1-9]\d{0,2})\b"),
            ("exit status", r"(?i)\bcommand error: exit status (?P<number>[1-9]\d{0,2})\b"),
            ("failed with exit code", r"(?i)\bcommand failed with exit code (?P<number>[1-9]\d{0,2})"),
            (
                "elifecycle",
                r"\bcode ELIFECYCLE\b|\bELIFECYCLE\b.{0,80}Command failed with exit code (?P<number>[1-9]\d{0,2})",
            ),
        ),
    ),
    (
        "session-lost",
        (
            ("session", r"(?i)\bsession(?: ID)? (?:unknown|not found|does not exist)\b|\bunknown session\b"),
            ("session", r"(?i)\b(?:no valid|invalid|no such) session(?: ID)?\b"),
            ("connection with that id", r"(?i)\bno connection with that ID\b"),
            ("notifications/initialized", r"Client must send notifications/initialized before"),
        ),
    ),
    (
        "segfault",
        (
            ("segmentation|segfault|sigsegv", r"(?i)\bsegmentation (?:fault|violation)\b|\bsegfault at\b|\bSIGSEGV\b"),
            ("illegal instruction|sigill", r"\bIllegal instruction\b|\bSIGILL\b"),
            (
                "core dumped",
                r"^\W{0,4}(?:\S{1,200}: line \d{1,6}: {1,9}\d{1,7} )?(?:Bus error|Aborted) {1,20}\(core dumped\)",
            ),
        ),
    ),
    (
        "listens",
        (
            (
                "ipv4 address",
                r"(?i:\blistening on IPv4 address )\"(?P<thing>[^\"\n]{1,60})\", port (?P<number>\d{2,5})",
            ),
            ("rocket has launched", r"(?i:rocket has launched from )(?P<thing>\S{1,100}?:(?P<number>\d{2,5}))\b"),
            ("access", r"\bAccess \S{1,80}Endpoint at (?P<thing>\w{2,6}://[\w.-]{1,120}(?::(?P<number>\d{2,5}))?)"),
            ("running", r"(?i:\brunning \S{1,80}Endpoint with .{1,60}? at )(?P<thing>\S{1,60}?:(?P<number>\d{2,5}))\b"),
            (
                "url: ",
                r"^\s{0,8}(?:Local |Network |External )?URL: (?P<thing>https?://[\w.-]{1,120}:"
                r"(?P<number>\d{2,5}))\/?$",
            ),
            (
                "://",
                r"(?i:\b(?:listening|listens|running|started|starting|serving|served|launched|bound"
                r"|servidor)\b[^\n:/]{0,40}?"
                r"(?:: {0,12}| (?:on|at|from|en|auf|sur|via):? {0,4})|\b(?:server|ready|available|live|up"
                r"|online) (?:on|at):? "
                r"|\b(?:listening|serving|running) |^\W{0,12}(?:local|network|on your network): {1,8})"
                r"[\[('\"`<]?(?P<thing>(?:https?|tcp|ws|wss|ssl)://(?:\[[\da-fA-F:.]{2,45}\]|[\w.*-]{1,120})"
                r"(?::(?P<number>\d{2,5}))?)(?=[/\s),;\"'`>\]}]|\.?$)",
            ),
            (
                "listening|running|started|serving|bound|starting",
                r"(?i:\b(?:listening|running|started|serving|bound|starting)\b[^\n:/]{0,50}?(?: (?:on|at"
                r"|to):? |: ?) {0,4}"
                r"(?:address )?)['\"`]?(?P<thing>(?:(?:\[[\da-fA-F:.]{2,45}\]|\d{1,3}(?:\.\d{1,3}){3}"
                r"|localhost|\*|::)|(?<=[\s'\"`]))"
                r":(?P<number>\d{2,5}))\b(?!:\d)",
            ),
            (
                "listening",
                r"(?i:\blistening (?:on|at):? |\blistening )"
                r"(?P<thing>(?:\d{1,3}(?:\.\d{1,3}){3}:)?(?P<number>\d{4,5}))\W{0,3}$",
            ),
            (
                "port",
                r"(?i:\b(?:listening|listens|running|started|starting|serving|ready|live|up|online|server|servidor"
                r"|escuchando|lauscht)\b[^\n:/=]{0,60}?\b(?:port|puerto|porta)(?:\(s\)|s)?(?: is)?:? ?[`'\"(#]?)"
                r"(?P<number>\d{2,5})\b(?!\.\d|,\d)",
            ),
        ),
    ),
    (
        # The program says that it is still on its way: it opens its port later than what was said before.
        "still-starting",
        (
            ("initialized with port", r"\b(?:Tomcat|Jetty|Undertow|Netty) initialized with ports?\b"),
            ("initialization completed in", r"\bRoot WebApplicationContext: initialization completed in \d"),
            ("using java", r"\bStarting \S{1,80} (?:v\S{1,60} )?using Java \d"),
            ("waiting for application startup", r"\bWaiting for application startup\."),
            ("started server process", r"\bStarted server process \["),
            ("booting puma|puma starting", r"=> Booting Puma\b|\bPuma starting in (?:single|cluster) mode"),
            ("booting worker", r"\bBooting worker with pid\b"),
            ("loading checkpoint shards|loading model", r"(?i)\bloading (?:checkpoint shards|model)\b"),
        ),
    ),
    (
        # A request that was answered, however badly: the program is up.
        "answers",
        (
            ("get /|head /|post /|put /|patch /|delete /", REQUEST),
            ("sent ", r"\bSent (?P<number>[1-5]\d\d) in \d{1,9} ?(?:ms|µs|s)\b"),
            ("completed ", r"\bCompleted (?P<number>[1-5]\d\d) [A-Z][\w ]{1,40} in \d"),
            ("terminated", r"\brunning \S{1,80}Endpoint \(connection .{1,80}\) terminated"),
        ),
    ),
    (
        "uncaught",
        (
            ("traceback", r"^\s{0,4}Traceback \(most recent call last\)"),
            ("panic", r"^(?:\S{10} \S{8} )?panic: (?P<thing>.{1,400})"),
            # Since Rust 1.73 the place stands alone, and what is wrong on the line below.
            (
                "panicked at",
                r"thread '[^'\n]{1,60}'(?: \(\d{1,9}\))? panicked at "
                r"(?:\S{1,200}:\d{1,6}:\d{1,6}:\s*$|(?P<thing>.{1,400}))",
            ),
            # A call that nobody answered in time is an error of that call.
            (
                "** (",
                r"\*\* (?!\(EXIT\) (?:time out|no process)\b|\(exit\) exited in: \S{1,120}\.call\()"
                r"(?P<thing>\((?:[A-Z][\w.]{1,80}|EXIT|Mix|stop|exit|throw)[^)\n]{0,60}\).{0,400})",
            ),
            ("runtime terminating during boot", r"Runtime terminating during boot \((?P<thing>.{1,400})"),
            ("kernel pid terminated", r"Kernel pid terminated (?P<thing>.{1,400})"),
            (
                "called `",
                r"called `(?:Result|Option)::\w{4,12}\(\)` on an? "
                r"`(?P<thing>(?:Err|None)` value(?!: NotPresent).{0,400})",
            ),
            ("kernel pid terminated", r"^\{\"(?P<thing>Kernel pid terminated\".{1,400})"),
            ("fatal python error", r"Fatal Python error: (?P<thing>.{1,400})"),
            ("level=fatal|level=panic", r"\blevel=(?:fatal|panic) .{0,200}?\bmsg=(?P<thing>.{1,400})"),
            ("panic: ", r"^(?:\S{10} \S{8,12} (?:UTC )?(?:\[\d{1,9}\] )?)?PANIC: {1,4}(?P<thing>.{1,400})"),
            ("[emerg]", r"\[emerg\](?: \d{1,7}#\d{1,7}:)? (?!(?:bind|open)\(\))(?P<thing>.{1,400})"),
            ("worker failed to boot", r"(?P<thing>Worker failed to boot)"),
            ("failed to load command", r"(?P<thing>bundler: failed to load command: .{1,200})"),
            ("your ruby version is", r"(?P<thing>Your Ruby version is .{1,60}, but your Gemfile specified .{1,40})"),
            ("already running", r"(?P<thing>A server is already running(?:\.| \().{0,200})"),
            ("pid", r"(?i)(?P<thing>\bpid ?file .{1,120}? already exists.{0,80})"),
            ("rake aborted", r"(?P<thing>rake aborted!.{0,200})"),
            ("java virtual machine", r"(?P<thing>Could not create the Java Virtual Machine)"),
            (
                "terminate called",
                r"(?P<thing>terminate called (?:after throwing|without an active)(?!.{1,40}bad_alloc).{1,300})",
            ),
            ("libc++abi", r"libc\+\+abi: (?P<thing>terminating.{0,300})"),
            ("double free|stack smashing", r"(?P<thing>double free or corruption|stack smashing detected)"),
            ("symbol lookup error", r"(?P<thing>symbol lookup error: .{1,300})"),
            ("php parse error", r"PHP Parse error: {1,4}(?P<thing>.{1,400})"),
            ("error", r"^\s{0,4}(?P<thing>[A-Z]\w{1,40}(?:::[A-Z]\w{1,40}){1,6}Error)\s{0,4}$"),
            ("exception in thread", r"Exception in thread \"[^\"\n]{1,80}\" (?P<thing>.{1,400})"),
            ("caused by", r"^\s{0,8}Caused by: (?P<thing>.{1,400})"),
            (
                "unhandled|uncaught",
                r"(?i:\b(?:unhandled|uncaught) ?(?:exception|promise ?rejection|rejection"
                r"|error)(?:warning| event)?)\W{1,6}(?P<thing>.{1,400})",
            ),
            ("uncaught", r"PHP Fatal error: {1,4}Uncaught (?P<thing>.{1,400})"),
            (
                "fatal",
                r"(?i)^(?:\S{10}[ T]\S{8,20} )?\W{0,12}(?:\[[^\]]{1,40}\]:? ?"
                r"|[\w.-]{1,30}:? )?fatal(?: error)?(?:: | - "
                r"|\] )(?P<thing>.{1,400})",
            ),
            (
                "fatal",
                r"\"level\": ?\"(?:fatal|panic|critical)\".{0,400}?\"(?:msg|message)\": ?\"(?P<thing>[^\"\n]{1,400})",
            ),
            ("ftl]", r"^\[[^\]]{1,60} FTL\]\W{0,10}(?P<thing>\w.{1,400})"),
            (
                "application failed to start|application run failed",
                r"\b(?P<thing>APPLICATION FAILED TO START|Application run failed)",
            ),
            (
                "error|exception",
                rf"{PRE}(?:Uncaught )?(?P<thing>(?:[A-Za-z_$][\w$]{{0,60}}(?:\.|::"
                rf"|\\)){{0,8}}[A-Za-z_$]{{0,60}}(?:Error|Exception)(?: \[[A-Z_0-9]{{3,60}}\])?: .{{1,400}})",
            ),
            (": ", r"^(?P<thing>(?:[a-z_]\w{1,40}\.){1,8}[A-Z]\w{2,60}: .{1,400})"),
            ("::", r"^(?P<thing>[A-Z]\w{1,40}(?:::[A-Z]\w{1,40}){1,6}: .{1,400})"),
            ("error)|exception)", r"^\S{1,200}\.rb:\d{1,6}:in .{1,120}?: (?P<thing>.{1,400}\((?:\w|::){2,80}\))"),
        ),
    ),
)
