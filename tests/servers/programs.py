"""Which server programs this machine has. Runs before anything is installed: standard library only."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

# Distributions put servers where an ordinary user's PATH does not look.
SERVER_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/usr/libexec")

# Programs whose packages would start a system service are unpacked here, and installed nowhere.
PRIVATE_ROOT = Path(__file__).parents[2] / ".venv" / "programs"
_PRIVATE_FOLDERS = ("usr/sbin", "usr/bin", "sbin", "bin")
_PRIVATE_LIBRARIES = ("usr/lib/*-linux-gnu", "lib/*-linux-gnu")
_PRIVATE_UNITS = ("usr/lib/systemd/system", "lib/systemd/system")

# (file, the name to run it under). Debian's redis-tools holds the whole server: it is one program with the checkers
# and goes by the name it is called. That package, unlike redis-server, brings no system service.
REDIS_NAMES = (
    ("redis-server", "redis-server"),
    ("valkey-server", "valkey-server"),
    ("redis-check-rdb", "redis-server"),
    ("valkey-check-rdb", "valkey-server"),
)

_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


class Program(NamedTuple):
    """A program: the file to execute, the name to give it, what it prints as its version, variables that it needs.

    before: arguments before all others, of what loads the program. options: of the program's own, that it always needs.
    """

    path: str
    name: str
    version: str
    variables: Mapping[str, str] = _NO_VARIABLES
    before: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def environment(self) -> dict[str, str]:
        """Return our own environment with what the program needs to find its libraries."""
        return {**os.environ, **self.variables}


class _Asking(NamedTuple):
    """How a program goes by its name (the first file found is it), and how it is made to tell its version.

    status: with which it then ends.
    """

    files: tuple[str, ...]
    options: tuple[str, ...] = ("--version",)
    status: int = 0


_ASKING = {
    "nginx": _Asking(("nginx",), ("-v",)),
    "haproxy": _Asking(("haproxy",), ("-v",)),
    "varnishd": _Asking(("varnishd",), ("-V",)),
    "squid": _Asking(("squid",)),
    "apache2": _Asking(("apache2", "httpd"), ("-v",)),
    # Varnish has its rules compiled.
    "cc": _Asking(("cc", "gcc")),
    "node": _Asking(("node",)),
    "npm": _Asking(("npm",)),
    "wrk": _Asking(("wrk",), ("-v",), status=1),  # it goes on to complain that no address was given
    "prometheus": _Asking(("prometheus",)),
    "promtool": _Asking(("promtool",)),
    # Debian's headless shell by its own path: the script on the PATH would stand between us and its process.
    "chromium": _Asking(("/usr/lib/chromium/chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")),
    "systemd-analyze": _Asking(("systemd-analyze",)),
}


def find_database_program() -> Program | None:
    """Return the MariaDB server program, else a MySQL one, else None."""
    for name in ("mariadbd", "mysqld"):
        program = _program(name, name, ("--no-defaults", "--version"))
        if program is not None:
            return program
    return None


def find_galera_library() -> Path | None:
    """Return the library that makes Galera nodes of MariaDB servers, else None."""
    for root in (Path("/"), PRIVATE_ROOT):
        if (library := root / "usr/lib/galera/libgalera_smm.so").exists():
            return library
    return None


def find_mysql_program() -> Program:
    """Return the MySQL server of the installation in the folder that FARMLOKAL_TEST_MYSQL_ROOT names.

    Raises FileNotFoundError where it names none, or that is no such folder.
    """
    root = _installation()
    program = _of_a_system(root, "usr/sbin/mysqld", "MySQL")
    return program._replace(
        options=(
            f"--basedir={root / 'usr'}",
            f"--lc-messages-dir={root / 'usr/share/mysql'}",
            f"--plugin-dir={root / 'usr/lib/mysql/plugin'}",
        )
    )


def find_valkey_program() -> Program:
    """Return the machine's Valkey server, else the one in the folder that FARMLOKAL_TEST_MYSQL_ROOT names.

    Raises FileNotFoundError where it names none, or there is none in that folder.
    """
    found = _program("valkey-server", "valkey-server", ("--version",))
    if found is not None:
        return found
    return _of_a_system(_installation(), "usr/bin/valkey-server", "Valkey")


def _installation() -> Path:
    if root := os.environ.get("FARMLOKAL_TEST_MYSQL_ROOT"):
        return Path(root)
    raise FileNotFoundError(
        "FARMLOKAL_TEST_MYSQL_ROOT names no folder with an installed MySQL 9: CONTRIBUTING.md says what it is"
    )


def _of_a_system(root: Path, path: str, version: str) -> Program:
    """Return the program at `path` of a whole system's folders in `root`: its own loader finds its own libraries."""
    loader, file = root / "lib64/ld-linux-x86-64.so.2", root / path
    for needed in (loader, file):
        if not needed.exists():
            raise FileNotFoundError(f"FARMLOKAL_TEST_MYSQL_ROOT={root}: there is no {needed}")
    libraries = os.pathsep.join(map(str, sorted(root.glob("usr/lib/*-linux-gnu"))))
    return Program(str(loader), file.name, version, before=("--library-path", libraries, str(file)))


def find_redis_program() -> Program | None:
    """Return the Redis (or Valkey) server program, else None."""
    for file, name in REDIS_NAMES:
        program = _program(file, name, ("--version",))
        if program is not None and " server v=" in program.version:
            return program
    return None


def find_program(name: str) -> Program | None:
    """Return one of the programs in `_ASKING`, else None.

    It is looked for on the PATH, then where distributions put servers, then among the programs that
    `python -m tests.servers GROUP` unpacked. Raises KeyError for another name.
    """
    asking = _ASKING[name]
    for file in asking.files:
        program = _program(file, file, asking.options, asking.status)
        if program is not None:
            return program
    return None


def _program(file: str, name: str, version_options: Sequence[str], status: int = 0) -> Program | None:
    """Return the program if it is there and can run: a file whose libraries are missing is no program."""
    for path, variables in _candidates(file):
        shown = subprocess.run(
            (name, *version_options),
            executable=path,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        if shown.returncode == status:
            version, _, _ = (shown.stdout or shown.stderr).strip().partition("\n")
            return Program(path, name, version, variables)
    return None


def _candidates(file: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the file's path on this machine, and where it was unpacked, with the variables that it needs there."""
    path = shutil.which(file, path=os.pathsep.join((os.environ.get("PATH", ""), *SERVER_FOLDERS)))
    if path is not None:
        yield path, _NO_VARIABLES
    private = shutil.which(file, path=os.pathsep.join(str(PRIVATE_ROOT / folder) for folder in _PRIVATE_FOLDERS))
    if private is not None:
        yield private, _private_variables()


def _private_variables() -> Mapping[str, str]:
    """Return what makes an unpacked program find the libraries, and the systemd units, that came with it."""
    libraries = [path for pattern in _PRIVATE_LIBRARIES for path in sorted(PRIVATE_ROOT.glob(pattern))]
    folders = [
        str(folder) for path in libraries for folder in (path, path / "systemd", path / "varnish") if folder.is_dir()
    ]
    units = [str(folder) for name in _PRIVATE_UNITS if (folder := PRIVATE_ROOT / name).is_dir()]
    variables = {"LD_LIBRARY_PATH": os.pathsep.join(folders)} if folders else {}
    # The empty entry at the end stands for the machine's own folders.
    return variables | ({"SYSTEMD_UNIT_PATH": os.pathsep.join([*units, ""])} if units else {})
