"""What programs say when they cannot go on, and when they can: language by language.

fact → (hint, pattern) pairs. A hint is text in small letters (or several, with `|` between) without which the
pattern is not tried. `names` captures variable names, `number` a port, `thing` a file, an address or a message.
Gaps are bounded and alternatives exclusive, because logs are written by strangers.
"""

from __future__ import annotations

import re

Table = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]

# Any name of a variable where the words around it say that it is one; elsewhere it must look like one.
NAME = r"(?<![A-Za-z0-9_])[A-Z][A-Z0-9_]{2,60}+(?![A-Za-z0-9_])"
_SURE = (
    r"(?<![A-Za-z0-9_])(?=[A-Z0-9]{1,40}_[A-Z0-9]|(?:PORT|HOST|TOKEN|SECRET|DSN|DOMAIN)(?![A-Za-z0-9_]))"
    r"[A-Z][A-Z0-9_]{2,60}+(?![A-Za-z0-9_(])"
)
_MORE = r"(?:['\"`]?(?:\s?,\s?(?:and |or )?|\s?[&/|]\s?|\s(?:and|or|und|y|et)\s|\s)['\"`]?"
_NAMES = rf"{NAME}{_MORE}{NAME}){{0,30}}"
_SURES = rf"{_SURE}{_MORE}{_SURE}){{0,30}}"
_VAR = r"(?i:env(?:ironment)?[ _-]?(?:var(?:iable)?|secret|key)s?(?:\(s\))?)"
_LACKS = (
    r"(?i:(?:is |are |was |were |has |have )(?:also )?(?:not (?:been )?(?:set|defined|configured|provided"
    r"|present|specified)"
    r"|required|missing|undefined|unset|empty|blank)|missing\b|not set\b|unset\b|undefined\b)"
)
_QUOTE = r"['\"`“”‘’]?"
_PATH = r"[^\s'\"`‘’“”,;()]{1,300}"
_HOST = r"[\w.:\[\]-]{1,120}"
_DATABASE = (
    r"(?i:postgres|psql|pgbouncer|\bpg\b|mysql|maria|mongo|redis|valkey|prisma|sequelize|typeorm|drizzle|knex"
    r"|sqlalchemy"
    r"|database|\bdb\b|ecto|neon\b|supabase|upstash|cassandra|clickhouse|amqp|rabbit)"
)
_DATABASE_PORT = r"(?:5432|5433|6432|6543|3306|27017|6379|6380|1433|26257|9042|5672)\b"
_PRE = r"^\W{0,12}(?:\[[^\]]{1,40}\]\s?|\(\w{1,20}\)\s?|[\w.-]{1,30}\s?\|\s?|\w{1,10}:\s{1,6})?"

WORDS: Table = (
    (
        "missing-variable",
        (
            ("env", r"(?i:\b(?:missing|invalid|undefined)\b.{0,60}\benv[^:]{0,60}: ?)(?P<names>[\[{].{1,800})"),
            (
                "env",
                r"(?i:\b(?:missing|undefined|unset|invalid|absent"
                rf"|not set)\b.{{0,60}}\benv[^:]{{0,60}}:)\W{{0,12}}(?P<names>{_NAMES})",
            ),
            (
                "missing",
                r"(?i:\bmissing (?:(?:required|mandatory|env(?:ironment)?|config(?:uration)?|secret"
                rf"|the) ){{0,3}}(?:{_VAR}|(?:secret|setting|variable|config(?:uration)?"
                rf"|key)s?):?)\s{{1,4}}{_QUOTE}(?P<names>{_NAMES})",
            ),
            ("missing", rf"(?i:\bmissing(?: required)?:?) {_QUOTE}(?P<names>{_SURES})"),
            (
                "must ",
                rf"(?P<names>{_SURES}){_QUOTE}(?: {_VAR}| secrets?)? must (?:all |both )?be (?:set|provided"
                r"|defined|configured|specified|present|supplied)",
            ),
            ("env|secret", rf"(?P<names>{_NAMES}){_QUOTE} (?:{_VAR}|secrets?)(?:\(s\))? {_LACKS}"),
            (
                "env",
                rf"{_VAR}:? ['\"`“$]{{0,2}}(?P<names>{_NAMES}){_QUOTE},? (?:{_LACKS}|(?i:not (?:set|found"
                r"|defined|present|provided|specified)|required|(?:could|was|is) not (?:be )?found"
                r"|does not exist|must (?:be|not be)))",
            ),
            ("env", rf"(?i:env(?:ironment)? variables? not (?:found|set|defined)): ?{_QUOTE}(?P<names>{_NAMES})"),
            (
                "required key|required env",
                rf"(?i:required (?:key|{_VAR})) {_QUOTE}(?P<names>{_NAMES}){_QUOTE} (?:missing value|is not set"
                r"|not set|missing)",
            ),
            (
                "env|secret",
                r"(?i:(?:^|[:;.!,] |please |must |need to |sure to |you |or )(?:set|provide|define|specify"
                rf"|export|add)(?: the| a| your)?) {_QUOTE}(?P<names>{_NAMES}){_QUOTE} (?i:{_VAR}|secret)",
            ),
            (
                "missing|not set|is |are |undefined|unset",
                rf"(?P<names>{_SURES}){_QUOTE}(?: secret| key)? {_LACKS}(?! by)",
            ),
            ("keyerror", rf"KeyError: ['\"](?P<names>{_SURE})['\"]"),
            ("key not found", rf"key not found: [\"':](?P<names>{NAME})"),
            ("could not fetch env", rf"could not fetch environment variable \"(?P<names>{NAME})\""),
            ("parameter|unbound variable", rf"(?P<names>{NAME}): (?:parameter (?:null or )?not set|unbound variable)"),
            (": line ", rf"^\S{{1,200}}: line \d{{1,6}}: (?P<names>{_SURE}): \S"),
            (
                "resolve placeholder",
                rf"Could not resolve placeholder '(?:(?P<names>{NAME})|(?P<thing>[^':]{{1,120}}))[':]",
            ),
            ("secret_key_base", r"(?i:missing .)(?P<names>secret_key_base)\b"),
            ("rails_master_key", r"(?i:missing encryption key).{1,200}(?P<names>RAILS_MASTER_KEY)"),
            ("must not be empty", rf"The (?P<names>{NAME}) setting must not be empty"),
            (
                "env",
                rf"(?P<names>{_SURES}){_QUOTE} (?i:(?:is |was |were |are )?(?:not (?:found|set|present|defined)"
                r"|missing|undefined) (?:in|from) (?:the |your |process\.)?env)",
            ),
            ("declare it as envvar", rf"(?P<names>{NAME}) not found\. Declare it as envvar"),
            ("no application encryption key", r"No application encryption key has been specified"),
            ("notpresent", r"(?:Err` value: |[(: ])NotPresent\b"),
            (
                "required|undefined|missing",
                rf"^\W{{0,12}}(?P<names>{_SURE}){_QUOTE}: (?i:\[? ?['\"]?required|undefined|missing|is required"
                r"|not set)\b",
            ),
            ("is required", r"Error: (?P<thing>supabase(?:Url|Key)) is required"),
            ("apikey|api key|api_key", r"\b(?:Neither|Missing|No) (?P<thing>(?i:api_?\s?key))\b(?! header)"),
            (
                "connection string",
                r"(?i)\b(?:no (?:database )?connection string was provided"
                r"|connection ?string ['\"](?P<thing>[\w:]{1,80})['\"] (?:was |is )?not (?:found|set"
                r"|configured))",
            ),
        ),
    ),
    (
        "missing-file",
        (
            ("cannot find", r"Cannot find (?:module|package) ['\"](?P<thing>[^'\"\n]{1,300})['\"]"),
            ("module not found", r"(?i:error: module not found) \"(?P<thing>[^\"]{1,300})\""),
            (
                "no module named",
                r"(?:ModuleNotFoundError|ImportError|python[\d.]*): No module named ['\"]?(?P<thing>[\w.-]{1,200})",
            ),
            ("can't open file", r"can't open file '(?P<thing>[^'\n]{1,300})'"),
            (
                "not found",
                rf"^(?:\S{{0,200}}?(?:sh|\.sh|entrypoint)): (?:(?:line )?\d{{1,6}}: )?(?:exec: )?"
                rf"(?P<thing>{_PATH}): (?:command )?not found\b",
            ),
            ("command not found", rf"^(?P<program>\S{{1,100}}): command not found: (?P<thing>{_PATH})$"),
            ("executable file not found", r"exec: \"(?P<thing>[^\"\n]{1,300})\": executable file not found"),
            ("no such file", r"^(?:/usr)?/bin/env: .(?P<thing>[^'’\n]{1,200}?)(?:\\r)?['’].{0,5} ?No such file"),
            (
                "no such file",
                rf"^\S{{0,200}}sh: (?:(?:line )?\d{{1,6}}: )?(?:exec: )?(?P<thing>{_PATH}): "
                r"(?i:no such file or directory)",
            ),
            ("no such file", rf"^exec (?P<thing>{_PATH}): (?i:no such file or directory)"),
            (
                "no such file",
                rf"{_PRE}(?:[\w.]{{1,80}}: )?\[Errno 2\] No such file or directory: ['\"](?P<thing>[^'\"\n]{{1,300}})",
            ),
            (
                "no such file",
                rf"{_PRE}(?:Uncaught )?(?:\[?Error: )?ENOENT: no such file or directory, \w{{1,12}} '"
                rf"(?P<thing>[^'\n]{{1,300}})'",
            ),
            (
                "no such file",
                r"(?:^|[:=] ?\"?|\s)(?:open|stat|lstat|fork/exec|exec|chdir"
                rf"|unable to open) (?P<thing>{_PATH}): no such file or directory",
            ),
            ("no such file", r"\[emerg\].{0,60} open\(\) \"(?P<thing>[^\"\n]{1,300})\" failed \(2: No such file"),
            ("shared object", rf"loading shared libraries: (?P<thing>{_PATH}): cannot open shared object"),
            ("glibc", r"version [`'](?P<thing>(?:GLIBC|GLIBCXX|CXXABI)_[\d.]{1,12})' not found"),
            ("bindings file", r"Could not locate the (?P<thing>bindings file)"),
            ("main class", r"Could not find or load main class (?P<thing>\S{1,300})"),
            ("jarfile", r"Unable to access jarfile (?P<thing>\S{1,300})"),
            ("cannot load such file", r"cannot load such file -- (?P<thing>[^\s(]{1,300})"),
            (
                "not found|does not exist",
                rf"{_PRE}(?i:(?:fatal )?error|fatal): (?P<thing>[\w./-]{{1,120}}\.\w{{1,8}}) (?:not found"
                r"|does not exist|is missing)",
            ),
            ("gemfile", r"Could not locate (?P<thing>Gemfile)"),
            ("could not open input file", r"Could not open input file: (?P<thing>\S{1,300})"),
            ("failed opening required", r"Failed opening required '(?P<thing>[^'\n]{1,300})'"),
            ("missing script", r"(?i:missing script):? \"?(?P<thing>[\w:.-]{1,80})"),
            ("command ", r"error (?:Command|Script) \"(?P<thing>[^\"\n]{1,80})\" not found"),
            ("package.json", r"(?:Couldn't find a|Could not read) (?P<thing>package\.json)"),
            ("could not import", r"Could not import (?:module )?['\"](?P<thing>[\w.]{1,120})['\"]"),
            ("failed to find attribute", r"Failed to find attribute '(?P<thing>\w{1,80})' in '"),
            ("production build", r"Could not find a production build in the '(?P<thing>[^'\n]{1,120})' directory"),
            ("could not be found", r"The task \"(?P<thing>[^\"\n]{1,80})\" could not be found"),
            ("does not exist", r"The application '(?P<thing>[^'\n]{1,200})' does not exist"),
            ("could not load file or assembly", r"Could not load file or assembly '(?P<thing>[^',\n]{1,200})"),
            ("specified command or file was not found", r"the specified command or file was not found"),
        ),
    ),
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
        "database-refused",
        (
            (
                "p1001|can't reach database",
                r"(?:P1001\b.{0,40})?Can't reach database server at [`'\"]?(?P<thing>[^\s`'\",]{1,160})",
            ),
            ("p100|p1017", r"\bP10(?:00|01|02|03|10|17)\b"),
            ("econnrefused|etimedout", rf"connect (?:ECONNREFUSED|ETIMEDOUT) (?P<thing>{_HOST}:{_DATABASE_PORT})"),
            ("econnrefused", rf"{_DATABASE}.{{0,120}}?ECONNREFUSED(?: (?P<thing>{_HOST}))?"),
            (
                "getaddrinfo",
                r"getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (?P<thing>[\w.-]{0,100}(?:db|postgres|pg|mysql|mongo"
                r"|redis|neon|supabase|rds|upstash|internal|flycast|database)[\w.-]{0,100})",
            ),
            (
                "getaddrinfo|translate host name|nodename",
                rf"{_DATABASE}.{{0,160}}?(?:getaddrinfo|could not translate host name \""
                rf"(?P<thing>[^\"\n]{{1,120}})\"|nodename nor servname|Name or service not known)",
            ),
            ("translate host name", r"could not translate host name \"(?P<thing>[^\"\n]{1,120})\""),
            (
                "could not connect to server",
                r"could not connect to server: (?:Connection refused|No route|Connection timed out|No such file)",
            ),
            (
                "connection to server",
                r"connection to server (?:at |on socket )[\"'](?P<thing>[^\"'\n]{1,160})[\"'].{0,80}? failed",
            ),
            (
                "authentication failed",
                r"(?i)\b(?:password )?authentication failed (?:for user [\"'`]?(?P<thing>[^\"'`\s]{1,80})"
                r"|against (?:the )?database)",
            ),
            ("access denied for user", r"Access denied for user '(?P<thing>[^'\n]{1,80})'"),
            ("no pg_hba.conf entry", r"no pg_hba\.conf entry for host"),
            ("does not exist", r"FATAL:? {1,4}(?:database|role) \"(?P<thing>[^\"\n]{1,80})\" does not exist"),
            ("scram", r"server requested SCRAM-based authentication"),
            (
                "connection",
                r"Unable to (?:obtain|acquire|open) (?:a |an |JDBC )?[Cc]onnection (?:from"
                r"|to) (?:the )?(?:database|Jdbc|JDBC)",
            ),
            ("tenant or user not found", r"Tenant or user not found"),
            (
                "dbconnection.connectionerror|connectionerror",
                r"\(DBConnection\.ConnectionError\)(?: tcp connect \((?P<thing>[^)\n]{1,120})\))?",
            ),
            ("failed to connect", r"Postgrex\.Protocol.{0,40}failed to connect"),
            ("failed to connect to", r"failed to connect to [`'\"]?host=(?P<thing>\S{1,100}) (?:port=\d{1,5} )?user="),
            (
                "dial tcp",
                rf"dial tcp (?P<thing>{_HOST}:{_DATABASE_PORT}):?.{{0,40}}?(?:refused|timeout|no route|no such host)",
            ),
            (
                "dial tcp",
                rf"{_DATABASE}.{{0,120}}?dial tcp:? (?:lookup )?(?P<thing>[^\s]{{1,120}}?):?.{{0,40}}?"
                r"(?:refused|timeout"
                r"|no route|no such host)",
            ),
            (
                "connectionrefusederror|hostnotfounderror|accessdeniederror|connectionerror",
                r"\bSequelize(?:ConnectionRefused|HostNotFound|AccessDenied|Connection)Error\b",
            ),
            (
                "serverselection|mongonetworkerror|mongoerror",
                r"\bMongo(?:ose)?(?:ServerSelection|Network)Error\b|\bServerSelectionTimeoutError\b",
            ),
            (
                "operationalerror",
                r"\b(?:psycopg2?|pymysql|MySQLdb|asyncpg|sqlalchemy|django\.db\.utils"
                r"|pymongo)[\w.]{0,40}OperationalError\b",
            ),
            ("connection refused", rf"{_DATABASE}.{{0,160}}?\b[Cc]onnection refused"),
            ("connection refused|refused", r"PSQLException: Connection to (?P<thing>\S{1,120}) refused"),
            ("communications link failure", r"Communications link failure"),
            ("sqlstate", r"SQLSTATE\[(?:HY000|08006|08001|28000)\] ?\[(?:2002|2003|2005|1045|1049|1044|7)\]"),
            (
                "connectionbad|connectionnotestablished|nodatabaseerror|cannotconnecterror",
                r"\b(?:PG::ConnectionBad|ActiveRecord::(?:ConnectionNotEstablished|NoDatabaseError"
                r"|DatabaseConnectionError)|Redis::CannotConnectError|RedisClient::CannotConnectError"
                r"|Mysql2::Error::ConnectionError)\b",
            ),
            ("npgsqlexception", r"NpgsqlException.{0,40}Failed to connect to (?P<thing>\S{1,120})"),
            ("unable to open database", r"\b(?:[Uu]nable to open (?:the )?database(?: file)?|SQLITE_CANTOPEN)\b"),
        ),
    ),
    (
        "permission",
        (
            ("eacces", rf"\bEACCES: permission denied,? (?:\w{{1,12}} )?['\"]?(?P<thing>{_PATH})"),
            ("permission denied", r"\[Errno 13\] Permission denied: ['\"](?P<thing>[^'\"\n]{1,300})"),
            (
                "permission denied",
                r"(?:^|\s)(?:open|mkdir|stat|fork/exec|exec|unlink|rename|listen tcp"
                rf"|create) (?P<thing>{_PATH}): (?:bind: )?permission denied",
            ),
            (
                "permission denied",
                rf"^(?:[\w./-]{{1,100}}): (?:(?:line )?\d{{1,6}}: |cannot (?:create|open|touch|access"
                r"|remove)(?: directory)? |can't (?:create"
                rf"|open) )?['‘]?(?P<thing>{_PATH}?)['’]?: Permission denied",
            ),
            ("permission denied", rf"Permission denied @ \w{{1,30}} - (?P<thing>{_PATH})"),
            ("permission denied", r"\((?:13|os error 13)[:)].{0,20}|Permission denied \(os error 13\)"),
            ("permissiondenied", r"\bPermissionDenied\b"),
            (
                "permission denied",
                rf"(?P<thing>/{_PATH}) ?\(Permission denied\)|Failed to open stream: Permission denied",
            ),
            ("access to the path", r"Access to the path '(?P<thing>[^'\n]{1,300})' is denied"),
            ("is not permitted", r"\"root\" execution of the PostgreSQL server is not permitted"),
        ),
    ),
    (
        "segfault",
        (
            ("segmentation|segfault|sigsegv", r"(?i)\bsegmentation (?:fault|violation)\b|\bsegfault at\b|\bSIGSEGV\b"),
            ("illegal instruction|sigill", r"\bIllegal instruction\b|\bSIGILL\b"),
        ),
    ),
    (
        "disk-full",
        (
            ("no space left", r"(?i)no space left on device"),
            ("disk quota", r"(?i)disk quota exceeded"),
            ("disk is full", r"database or disk is full"),
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
                "port",
                r"(?i:\b(?:listening|listens|running|started|starting|serving|ready|live|up|online|server|servidor"
                r"|escuchando|lauscht)\b[^\n:/=]{0,60}?\b(?:port|puerto|porta)(?:\(s\)|s)?(?: is)?:? ?[`'\"(#]?)"
                r"(?P<number>\d{2,5})\b(?!\.\d|,\d)",
            ),
        ),
    ),
    (
        "uncaught",
        (
            ("traceback", r"^\s{0,4}Traceback \(most recent call last\)"),
            ("panic", r"^(?:\S{10} \S{8} )?panic: (?P<thing>.{1,400})"),
            ("panicked at", r"thread '[^'\n]{1,60}'(?: \(\d{1,9}\))? panicked at (?P<thing>.{1,400})"),
            ("** (", r"\*\* (?P<thing>\((?:[A-Z][\w.]{1,80}|EXIT|Mix|stop|exit|throw)[^)\n]{0,60}\).{0,400})"),
            ("runtime terminating during boot", r"Runtime terminating during boot \((?P<thing>.{1,400})"),
            ("kernel pid terminated", r"Kernel pid terminated (?P<thing>.{1,400})"),
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
                rf"{_PRE}(?:Uncaught )?(?P<thing>(?:[A-Za-z_$][\w$]{{0,60}}(?:\.|::"
                rf"|\\)){{0,8}}[A-Za-z_$]{{0,60}}(?:Error|Exception)(?: \[[A-Z_0-9]{{3,60}}\])?: .{{1,400}})",
            ),
            (": ", r"^(?P<thing>(?:[a-z_]\w{1,40}\.){1,8}[A-Z]\w{2,60}: .{1,400})"),
            ("::", r"^(?P<thing>[A-Z]\w{1,40}(?:::[A-Z]\w{1,40}){1,6}: .{1,400})"),
            ("error)|exception)", r"^\S{1,200}\.rb:\d{1,6}:in .{1,120}?: (?P<thing>.{1,400}\((?:\w|::){2,80}\))"),
        ),
    ),
)

# Words in capitals that are no variables, wherever they stand.
NO_NAMES = frozenset(
    re.findall(
        r"\w+",
        """
    ERROR ERR FATAL WARN WARNING INFO DEBUG TRACE CRITICAL NOTICE NOTE MISSING REQUIRED UNDEFINED
    NULL TRUE FALSE NONE ENV VAR VARS JSON HTTP HTTPS URL URI API GET POST PUT PATCH DELETE HEAD
    OPTIONS AND THE NOT FOR SET ARE YOU MUST PLEASE SQL DNS TCP TLS SSL SSH UTC GMT CLI CONFIG
""",
    )
)
# A program that says this about a variable goes on without it.
GOES_ON = (
    "optional",
    "using default",
    "defaulting",
    "default to",
    "the default",
    "by default",
    "default:",
    "fallback",
    "falling back",
    "fall back",
    "disabl",
    "skipp",
    "ignor",
    "warn",
    "⚠",
    "in-memory",
    "deprecat",
    "running without",
    "continuing",
    "will not be available",
    "won't be",
    "to enable",
    "if you want",
    "not required",
    "no longer required",
    "using local",
    "sample",
    "feature flag",
    # names of the language, not of the environment
    "referenceerror",
    "nameerror",
)
# Words before an address that is not this program's own, or that it did not get.
NOT_LISTENING = (
    "connect",
    "fail",
    "waiting",
    "error",
    "cannot",
    "could not",
    "unable",
    "refused",
    "try",
    "proxying to",
)
# Headings whose list of names stands on the lines below, with the number of lines to look at.
HEADINGS = (
    (
        re.compile(
            r"(?i)\b(?:missing|undefined|unset|invalid|not set)\b.{0,60}"
            r"\b(?:env|variable|secret|config).{0,60}:\W{0,6}$"
        ),
        20,
    ),
    (re.compile(r"\"received\": \"undefined\""), 3),
)
ITEM = re.compile(r"^\W{0,16}(?P<name>[A-Z][A-Z0-9_]{2,60}+)(?=\W{0,4}$|\s*[:(=–—-])")
_FRAME = re.compile(
    r"^\s*$|^\s+at\b|^\s{2,}File \"|^Node\.js v\d|^\s+[\^~]+\s*$|^[\s^~]+$|^\s*(?:at|from) \S.{0,300}:\d+"
    r"|^\s*\.\.\. ?\d* ?"
    r"|^\s+(?:[a-z_.]{1,30}:)?\S{1,200}:\d{1,6}:in |^goroutine \d|^\s+/\S{1,300}:\d{1,6}(?: \+0x|$)"
    r"|^\s+\(?[\w.~-]{1,60}\)? \S{1,200}\.exs?:\d"
    r"|^(?:npm (?:ERR!|error|notice|warn|info|verb)|error Command failed|info Visit https://yarnpkg|ELIFECYCLE"
    r"|\s*ELIFECYCLE)"
    r"|^note: run with `RUST_BACKTRACE|^exit status \d|^\s*[{}\[\]()]+;?,?\s*$|^\s*(?:code|errno|syscall"
    r"|requireStack|path|port|address): |^\s*--- End of "
)
_SHUTDOWN = re.compile(
    r"(?i)^\W{0,4}(?:\w{1,9}:\s{1,6}|\[[^\]]{1,60}\]\s?){0,3}(?:(?:received|got|caught"
    r"|handling) (?:signal )?(?:sig)?(?:int|term)|shutting down|shutdown|waiting for application shutdown"
    r"|application shutdown complete|finished server process|graceful|gracefully|goodbye|bye\b|exiting\b"
    r"|stopping\b|terminated$|worker exiting"
    r"|- (?:gracefully stopping|goodbye))"
)


# The line below is a piece of source.
_PLACE = re.compile(r"^\s{0,8}File \"|^(?:file://|/|node:)\S{1,300}:\d{1,6}$")


def tells_nothing(message: str, above: str = "") -> bool:
    """A frame of a stack or its source, a blank line, the noise of a package manager or of shutting down."""
    if message.startswith("  ") and _PLACE.search(above):
        return True
    return bool(_FRAME.search(message) or _SHUTDOWN.match(message))
