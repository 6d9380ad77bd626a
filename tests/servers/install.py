"""Finds the server programs that the tests need, or installs them: what `python -m tests.servers` does.

The packages are those that hold only programs. Neither they nor what they depend on has a system service, so nothing
is started now or at the next boot.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

from tests.servers.programs import Program, find_database_program, find_redis_program

FOUND, NOT_POSSIBLE = 0, 2


class Need:
    """One program that the tests need, how it is found, and which packages hold it, the preferred name first."""

    def __init__(self, what: str, find: Callable[[], Program | None], *packages: str) -> None:
        self.what = what
        self.find = find
        self.packages = packages

    def available_package(self) -> str | None:
        """Return the first package that apt knows of: exactly so named, or with a version after a dash."""
        for package in self.packages:
            shown = subprocess.run(
                ("apt-cache", "search", "--names-only", f"^{package}(-[0-9.]+)?$"),
                capture_output=True,
                text=True,
                check=False,
            )
            names = [line.split(maxsplit=1)[0] for line in shown.stdout.splitlines()]
            if names:
                return package if package in names else max(names)
        return None


NEEDS = (
    Need("a MariaDB server program (mariadbd)", find_database_program, "mariadb-server-core"),
    Need("a Redis server program (redis-server)", find_redis_program, "redis-tools", "valkey-tools"),
)


def main() -> int:
    """Make sure that every needed program is there; return the exit code: 0 they are, 2 they cannot be had."""
    missing = [need for need in NEEDS if need.find() is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(missing)
        missing = [need for need in missing if need.find() is None]
    if missing:
        sys.stderr.write(_explanation(missing) + "\n")
        return NOT_POSSIBLE
    return FOUND


def install_command(packages: Sequence[str]) -> list[str]:
    """Return the command that installs packages without recommends and refuses to remove anything."""
    return ["apt-get", "install", "--yes", "--no-install-recommends", "--no-remove", *packages]


def _install(missing: Sequence[Need]) -> None:
    """Install what is missing; the package lists are fetched only if those at hand do not lead to it."""
    if not _install_available(missing):
        _run(["apt-get", "update"])
        _install_available(missing)


def _install_available(missing: Sequence[Need]) -> bool:
    packages = [package for need in missing if (package := need.available_package())]
    return len(packages) == len(missing) and _run(install_command(packages))


def _run(command: list[str]) -> bool:
    """Run an apt command, shown to the reader; return whether it succeeded."""
    sys.stderr.write(f"+ {' '.join(command)}\n")
    # needrestart, part of Ubuntu, would otherwise restart running services after an installation.
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    waiting = [command[0], "-o", "DPkg::Lock::Timeout=300", *command[1:]]
    return subprocess.run(waiting, env=os.environ | quiet, stdin=subprocess.DEVNULL, check=False).returncode == 0


def _explanation(missing: Sequence[Need]) -> str:
    wanted = " and ".join(need.what for need in missing)
    if not shutil.which("apt-get"):
        return f"The tests need {wanted} on the PATH."
    command = " ".join(install_command([need.available_package() or need.packages[0] for need in missing]))
    return f"The tests need {wanted}. To install what is missing (it starts no service):\n\n    sudo {command}\n"
