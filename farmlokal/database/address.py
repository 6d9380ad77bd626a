"""Database URLs."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

_MYSQL_PARAMETERS = ("unix_socket", "ssl_ca")


@dataclass(frozen=True, slots=True)
class MySQLAddress:
    """Where a MySQL or MariaDB database is and how to sign in; `ssl_ca` names a CA file and turns TLS on."""

    host: str
    port: int
    user: str
    password: str
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
    Raises ValueError, which says what is allowed.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = unquote(parts.path.removeprefix("/"))
        if parts.netloc or not path:
            raise ValueError("must be sqlite:///path")
        return SQLiteAddress(path)
    if parts.scheme != "mysql":
        raise ValueError("must begin with mysql:// or sqlite:///")
    database = unquote(parts.path.removeprefix("/"))
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - set(_MYSQL_PARAMETERS))
    if not database or "/" in database:
        raise ValueError("must name one database: mysql://user:pass@host:port/db")
    if unknown:
        raise ValueError(f"must have no parameters but {' and '.join(_MYSQL_PARAMETERS)}")
    return MySQLAddress(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=unquote(parts.username or "root"),
        password=unquote(parts.password or ""),
        database=database,
        unix_socket=options.get("unix_socket"),
        ssl_ca=options.get("ssl_ca"),
    )
