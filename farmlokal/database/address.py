"""Database URLs."""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_MYSQL_PORT = 3306
_MYSQL_FORM = "mysql://user:pass@host:port/db"
# A password with a bare `/`, `#`, `?` or `[` looks like a wrong port or host, and Python's message would show it.
_BAD_CHARACTERS = f"must have a port of 1 to 65535 and percent-encoded special characters: {_MYSQL_FORM}"
_MYSQL_PARAMETERS = ("unix_socket", "ssl_ca")


@dataclass(frozen=True, slots=True)
class MySQLAddress:
    """The address of a MySQL or MariaDB database, with its user; `ssl_ca` names a CA file and turns TLS on."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    unix_socket: str | None = None
    ssl_ca: str | None = None

    def __str__(self) -> str:
        place = self.unix_socket or f"{self.host}:{self.port}"
        return f"mysql {place}/{self.database}"


@dataclass(frozen=True, slots=True)
class SQLiteAddress:
    """The path of an SQLite file."""

    path: str

    def __str__(self) -> str:
        return f"sqlite {self.path}"


Address = MySQLAddress | SQLiteAddress


def parse_address(url: str) -> Address:
    """Parse `mysql://user:pass@host:port/db?unix_socket=…&ssl_ca=…` or `sqlite:///path`.

    As elsewhere, `sqlite:///x.db` is relative to the working directory and `sqlite:////x.db` is absolute.
    Raises ValueError, whose text is what is allowed.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(_BAD_CHARACTERS) from None
    if parts.scheme == "sqlite":
        return _sqlite_address(parts)
    if parts.scheme != "mysql":
        raise ValueError("must begin with mysql:// or sqlite:///")
    database = unquote(parts.path.removeprefix("/"))
    if not database or "/" in database:
        raise ValueError(f"must name one database: {_MYSQL_FORM}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if set(options) - set(_MYSQL_PARAMETERS) or not all(options.values()):
        raise ValueError(f"must have no parameters but {' and '.join(_MYSQL_PARAMETERS)}, each with a path")
    return MySQLAddress(
        host=parts.hostname or "127.0.0.1",
        port=_port(parts),
        user=unquote(parts.username or "root"),
        password=unquote(parts.password or ""),
        database=database,
        unix_socket=options.get("unix_socket"),
        ssl_ca=options.get("ssl_ca"),
    )


def _sqlite_address(parts: SplitResult) -> SQLiteAddress:
    path = unquote(parts.path.removeprefix("/"))
    # A database in memory would be another one for each of our connections.
    if parts.netloc or not path or parts.query or parts.fragment or path == ":memory:":
        raise ValueError("must be sqlite:///path, the path of a file")
    return SQLiteAddress(path)


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0 or parts.fragment:
        raise ValueError(_BAD_CHARACTERS)
    return port or _MYSQL_PORT
