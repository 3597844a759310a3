"""What programs say that they lack: variables, files, rights, room and a database, language by language.

The form is that of `around.py`; `names` captures variable names, `thing` a file or an address. Gaps are bounded and
alternatives exclusive, because logs are written by strangers.
"""

from __future__ import annotations

from runbooks.diagnose.platform_patterns import Table
from runbooks.diagnose.program_patterns.required_settings import SETTING

# Any name of a variable where the words around it say that it is one; elsewhere it must look like one.
NAME = r"(?<![A-Za-z0-9_])[A-Z][A-Z0-9_]{2,60}+(?![A-Za-z0-9_])"
_SURE = (
    r"(?<![A-Za-z0-9_])(?=[A-Z0-9]{1,40}_[A-Z0-9]|(?:PORT|HOST|TOKEN|SECRET|DSN|DOMAIN)(?![A-Za-z0-9_]))"
    r"[A-Z][A-Z0-9_]{2,60}+(?![A-Za-z0-9_(])"
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
PRE = r"^\W{0,12}(?:\[[^\]]{1,40}\]\s?|\(\w{1,20}\)\s?|[\w.-]{1,30}\s?\|\s?|\w{1,10}:\s{1,6})?"

NEEDS: Table = (
    (
        # what no measure finds: see required_settings.py for the rest
        "missing-variable",
        (
            (
                "env",
                r"(?i:\b(?:provide|pass|specify|set)\b.{0,160}?\b(?:or|via|through|using|by setting|with) "
                r"(?:the |an? )?)"
                rf"{_QUOTE}(?P<names>{NAME}){_QUOTE} (?i:env(?:ironment)? var)",
            ),
            # the names stand below, were cut, or are masked
            (
                "missing|undefined|unset|not set",
                r"(?i)\b(?:missing|undefined|unset|not set)\b.{0,60}\b(?:env(?:ironment)?|variables?|secrets?)\b"
                r".{0,40}:(?:\W{0,6}|(?:\W{0,4}<secret:[^>\s]{1,40}>){1,20})$",
            ),
            ("no_secret|missingsecret", r"\[NO_SECRET\]|\bMissingSecret: Please define a `(?P<thing>secret)`"),
            ("error: |exception: ", rf"^\w{{0,40}}(?:Error|Exception): {_QUOTE}(?P<names>{SETTING}){_QUOTE}\s*$"),
            (
                "attribute is not specified",
                r"Failed to configure a DataSource: '(?P<thing>\w{1,20})' attribute is not specified",
            ),
            ("keyerror", rf"KeyError: ['\"]?(?P<names>{_SURE})['\"]?\W{{0,3}}$"),
            ("key not found", rf"key not found: [\"':](?P<names>{NAME})"),
            # a shell's ${NAME:?words}: bash, dash, BusyBox, mksh; without a line only where the words ask for a value
            (
                ": line |sh: |sh[|sh:",
                r"^\S{1,200}?(?:: line \d{1,6}|sh: \d{1,6}|sh\[\d{1,6}\]|sh:\d{1,6}): "
                rf"(?P<names>{_SURE}): \S",
            ),
            (
                "sh: |entrypoint: ",
                rf"^\S{{0,200}}(?:sh|entrypoint): (?P<names>{_SURE}): "
                r"(?i:(?:please |must |you )?(?:set|provide|define|export|give|need)\b|(?:is |are )?(?:not set|unset"
                r"|required|missing|empty)|must\b)",
            ),
            ("resolve placeholder", r"Could not resolve placeholder '(?P<thing>[^':A-Z]{1,120})[':]"),
            ("secret_key_base", r"(?i:missing .)(?P<names>secret_key_base)\b"),
            ("rails_master_key", r"(?i:missing encryption key).{1,200}(?P<names>RAILS_MASTER_KEY)"),
            ("no application encryption key", r"No application encryption key has been specified"),
            ("notpresent", r"(?:Err` value: |[(: ])NotPresent\b"),
            ("is required", r"Error: (?P<thing>supabase(?:Url|Key)) is required"),
            ("must have a value", r"Error: (?P<thing>secretOrPrivateKey) must have a value"),
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
            ("cannot find module", r"Cannot find module (?P<thing>@?[\w./-]{1,200}[\w-])"),
            ("could not load the", r"Could not load the \"(?P<thing>[\w@/-]{1,80})\" module using"),
            ("query engine", r"could not locate the (?P<thing>Query Engine)"),
            ("script not found", r"[Ss]cript not found \"(?P<thing>[\w:.-]{1,80})\""),
            ("no package.json", r"No (?P<thing>package\.json)\b.{0,60} found"),
            (
                "no such file",
                r"could not (?:read|stream|open|write to) (?:file )?\""
                r"(?P<thing>[^\"\n]{1,300})\": no such file",
            ),
            ("no such file", rf"No such file or directory @ \w{{1,30}} - (?P<thing>{_PATH})"),
            ("no such file", rf"(?:FileNotFoundException: |NoSuchFileException: )(?P<thing>{_PATH})"),
            (
                "no such file",
                r"\b(?:include|include_once|require|require_once)\("
                r"(?P<thing>[^)\n]{1,300})\): Failed to open stream: No such file",
            ),
            ("no such file", r"kind: NotFound, message: \"No such file"),
            ("could not find file", r"FileNotFoundException: Could not find file '(?P<thing>[^'\n]{1,300})'"),
            ("nosuchfileexception", r"NoSuchFileException: (?P<thing>\S{1,300})"),
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
            (
                "not found|no such file",
                rf"^(?P<thing>(?:\.{{0,2}}/|bin/){_PATH}): (?:[Nn]o such file or directory|not found"
                r"|cannot execute: required file not found)\s*$",
            ),
            (
                "not found",
                rf"^\S{{0,200}}(?:sh|entrypoint): exec: line \d{{1,6}}: (?P<thing>{_PATH}): not found",
            ),
            (
                "script",
                r"(?i:couldn't find a script named|error: script) \"(?P<thing>[^\"\n]{1,80})\"(?: not found|\.|$)",
            ),
            ("main manifest attribute", r"(?P<thing>no main manifest attribute), in "),
            (
                "in any of the sources|in locally installed gems",
                r"Could not find (?P<thing>\S{1,100}).{0,200} in (?:any of the sources|locally installed gems)",
            ),
            ("install or update .net", r"You must install or update (?P<thing>\.NET) to run this application"),
            ("command not found", rf"^(?P<program>\S{{1,100}}): command not found: (?P<thing>{_PATH})$"),
            ("executable file not found", r"exec: \"(?P<thing>[^\"\n]{1,300})\": executable file not found"),
            ("no such file", r"^(?:(?:/usr)?/bin/)?env: .(?P<thing>[^'’\n]{1,200}?)(?:\\r)?['’].{0,5} ?No such file"),
            (
                "no such file",
                rf"^\S{{0,200}}sh: (?:(?:line )?\d{{1,6}}: )?(?:exec: )?(?P<thing>{_PATH}): "
                r"(?i:no such file or directory)",
            ),
            ("no such file", rf"^exec (?P<thing>{_PATH}): (?i:no such file or directory)"),
            (
                "no such file",
                rf"{PRE}(?:[\w.]{{1,80}}: )?\[Errno 2\] No such file or directory: ['\"](?P<thing>[^'\"\n]{{1,300}})",
            ),
            (
                "no such file",
                rf"{PRE}(?:Uncaught )?(?:\[?Error: )?ENOENT: no such file or directory, \w{{1,12}} '"
                rf"(?P<thing>[^'\n]{{1,300}})'",
            ),
            (
                "no such file",
                r"(?:^|[:=] ?\"?|\s)(?:open|stat|lstat|fork/exec|exec|chdir"
                rf"|unable to open) (?P<thing>{_PATH}): no such file or directory",
            ),
            ("no such file", r"\[emerg\].{0,60} open\(\) \"(?P<thing>[^\"\n]{1,300})\" failed \(2: No such file"),
            ("shared object", r"(?P<thing>[\w.+-]{1,80}\.so[\d.]{0,12}): cannot open shared object"),
            ("glibc", r"version [`'](?P<thing>(?:GLIBC|GLIBCXX|CXXABI)_[\d.]{1,12})' not found"),
            ("bindings file", r"Could not locate the (?P<thing>bindings file)"),
            ("main class", r"Could not find or load main class (?P<thing>\S{1,300})"),
            ("jarfile", r"Unable to access jarfile (?P<thing>\S{1,300})"),
            ("cannot load such file", r"cannot load such file -- (?P<thing>[^\s(]{1,300})"),
            (
                "not found|does not exist",
                rf"{PRE}(?i:(?:fatal )?error|fatal): (?P<thing>[\w./-]{{1,120}}\.\w{{1,8}}) (?:not found"
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
                rf"|open)(?: directory)? )?['‘]?(?P<thing>{_PATH}?)['’]?: Permission denied",
            ),
            ("permission denied", rf"Permission denied @ \w{{1,30}} - (?P<thing>{_PATH})"),
            ("permission denied", r"\((?:13|os error 13)[:)].{0,20}|Permission denied \(os error 13\)"),
            ("permissiondenied", r"\bPermissionDenied\b"),
            (
                "permission denied",
                rf"(?P<thing>/{_PATH}) ?\(Permission denied\)|Failed to open stream: Permission denied",
            ),
            ("is not writable", rf"(?P<thing>/{_PATH})['\"`]{{0,1}} is not writable"),
            ("readonly database", r"attempt to write a readonly database"),
            (
                "operation not permitted",
                r"(?:ownership|permissions) of (?:directory )?"
                rf"['\"‘]?(?P<thing>/{_PATH}?)['\"’]?: Operation not permitted",
            ),
            ("access to the path", r"Access to the path '(?P<thing>[^'\n]{1,300})' is denied"),
            ("is not permitted", r"\"root\" execution of the PostgreSQL server is not permitted"),
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
)
