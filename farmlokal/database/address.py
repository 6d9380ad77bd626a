"""Database URLs."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from farmlokal.formats.server_urls import split_server_url

_MYSQL_PORT = 3306
_MYSQL_FORM = "mysql://user:pass@host:port/db"
_BETWEEN_URLS = re.compile(r",(?=mysql://)")
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
        return f"mysql {self.place}"

    @property
    def place(self) -> str:
        """Where the database is, whoever signs in."""
        return f"{self.unix_socket or f'{self.host}:{self.port}'}/{self.database}"


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
    scheme = url.partition("://")[0].lower()
    if scheme == "sqlite":
        return _sqlite_address(url)
    if scheme != "mysql":
        raise ValueError("must begin with mysql:// or sqlite:///")
    parts, options = split_server_url(url, _MYSQL_FORM, _MYSQL_PARAMETERS)
    database = unquote(parts.path.removeprefix("/"))
    if not database or "/" in database:
        raise ValueError(f"must name one database: {_MYSQL_FORM}")
    return MySQLAddress(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or _MYSQL_PORT,
        user=unquote(parts.username or "root"),
        password=unquote(parts.password or ""),
        database=database,
        unix_socket=options.get("unix_socket"),
        ssl_ca=options.get("ssl_ca"),
    )


def parse_readers(urls: str) -> list[MySQLAddress]:
    """Parse the comma-separated `mysql://` URLs of replicas.

    Raises ValueError, whose text is what is allowed.
    """
    readers: list[MySQLAddress] = []
    for url in split_readers(urls):
        reader = parse_address(url)
        if not isinstance(reader, MySQLAddress) or "," in reader.database:
            raise ValueError(f"must be comma-separated URLs of replicas: {_MYSQL_FORM},{_MYSQL_FORM}")
        if reader.place in [other.place for other in readers]:
            raise ValueError("must name each replica once")
        readers.append(reader)
    return readers


def split_readers(urls: str) -> list[str]:
    """The single URLs: a comma in a password is none between two of them."""
    return _BETWEEN_URLS.split(urls)


def _sqlite_address(url: str) -> SQLiteAddress:
    rest = url.partition("://")[2]
    path = unquote(rest.removeprefix("/"))
    # A database in memory would be another one for each of our connections.
    if not rest.startswith("/") or not path or re.search(r"[?#]", rest) or path == ":memory:":
        raise ValueError("must be sqlite:///path, the path of a file")
    return SQLiteAddress(path)
