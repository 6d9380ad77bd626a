"""Finds the programs that the tests need, or gets them: what `python -m tests.servers [proof] [bench]` does.

Packages that hold only programs are installed: neither they nor what they depend on has a system service, so nothing
is started now or at the next boot. Of a package that has one only the program is wanted: it is unpacked into a folder
of the checkout.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial

from tests.servers.programs import PRIVATE_ROOT, Program, find_database_program, find_program, find_redis_program
from tests.servers.unpack import download_command, is_known, unpack

FOUND, NOT_POSSIBLE, WRONG_USAGE = 0, 2, 2


class Need:
    """One program that the tests need, how it is found, and which packages hold it, the preferred name first.

    unpacked: the package brings a system service, so it is unpacked and not installed.
    """

    def __init__(self, what: str, find: Callable[[], Program | None], *packages: str, unpacked: bool = False) -> None:
        self.what = what
        self.find = find
        self.packages = packages
        self.unpacked = unpacked

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

    def unpack_any(self) -> None:
        """Unpack the packages in turn until one holds the program: in some releases a name is that of an empty one."""
        for package in self.packages:
            if self.find() is None and is_known(package):
                unpack(package, PRIVATE_ROOT)


_NGINX = Need("nginx", partial(find_program, "nginx"), "nginx", "nginx-light", "nginx-core", unpacked=True)
_WRK = Need("wrk", partial(find_program, "wrk"), "wrk", unpacked=True)

# Every group has the first one's needs as well.
NEEDS = {
    "test": (
        Need("a MariaDB server program (mariadbd)", find_database_program, "mariadb-server-core"),
        Need("a Redis server program (redis-server)", find_redis_program, "redis-tools", "valkey-tools"),
    ),
    "proof": (
        _NGINX,
        _WRK,  # some proofs are of the benchmarks
        # The caches that people have in front of a service.
        Need("HAProxy", partial(find_program, "haproxy"), "haproxy", unpacked=True),
        Need("Varnish", partial(find_program, "varnishd"), "varnish", unpacked=True),
        Need("the C compiler that Varnish needs (cc)", partial(find_program, "cc"), "gcc"),
        # Its tables and pages are a package of their own, which holds no program.
        Need("Squid", partial(find_program, "squid"), "squid-common", "squid", unpacked=True),
        Need("Apache httpd", partial(find_program, "apache2"), "apache2-bin", unpacked=True),
        Need("prometheus", partial(find_program, "prometheus"), "prometheus", unpacked=True),
        Need("promtool", partial(find_program, "promtool"), "promtool", "prometheus", unpacked=True),
        Need("systemd-analyze", partial(find_program, "systemd-analyze"), "systemd", unpacked=True),
        # With these, packages from npm are run as clients, as partners and as senders of events.
        Need("Node.js (node)", partial(find_program, "node"), "nodejs"),
        Need("npm", partial(find_program, "npm"), "npm"),
        # The package `chromium` would bring a session bus, and that one a whole systemd where there is none.
        Need("the browser Chromium", partial(find_program, "chromium"), "chromium-headless-shell"),
    ),
    "bench": (_NGINX, _WRK),
}


def main(groups: Sequence[str]) -> int:
    """Make sure that every program of the groups is there; return the exit code: 0 they are, 2 they cannot be had."""
    unknown = [group for group in groups if group not in NEEDS]
    if unknown:
        sys.stderr.write(f"no group is called {', '.join(unknown)}; there are {', '.join(NEEDS)}\n")
        return WRONG_USAGE
    needs = dict.fromkeys(need for group in ("test", *groups) for need in NEEDS[group])
    missing = [need for need in needs if need.find() is None]
    if missing and shutil.which("apt-get"):
        _get(missing)
        missing = [need for need in missing if need.find() is None]
    if missing:
        sys.stderr.write(_explanation(missing) + "\n")
        return NOT_POSSIBLE
    return FOUND


def install_command(packages: Sequence[str]) -> list[str]:
    """Return the command that installs packages without recommends and refuses to remove anything."""
    return ["apt-get", "install", "--yes", "--no-install-recommends", "--no-remove", *packages]


def _get(missing: Sequence[Need]) -> None:
    """Get what is missing; the package lists are fetched only if those at hand do not lead to it."""
    if not _get_available(missing) and _is_root():
        _run(["apt-get", "update"])
        _get_available([need for need in missing if need.find() is None])


def _get_available(missing: Sequence[Need]) -> bool:
    """Install and unpack what apt knows of; return whether everything is there then."""
    installed = [package for need in missing if not need.unpacked and (package := need.available_package())]
    if installed and _is_root():
        _run(install_command(installed))
    for need in missing:
        if need.unpacked:
            need.unpack_any()
    return all(need.find() is not None for need in missing)


def _is_root() -> bool:
    return os.geteuid() == 0


def _run(command: list[str]) -> bool:
    """Run an apt command, shown to the reader; return whether it succeeded."""
    sys.stderr.write(f"+ {' '.join(command)}\n")
    # needrestart, part of Ubuntu, would otherwise restart running services after an installation.
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    waiting = [command[0], "-o", "DPkg::Lock::Timeout=300", *command[1:]]
    return subprocess.run(waiting, env=os.environ | quiet, stdin=subprocess.DEVNULL, check=False).returncode == 0


def _explanation(missing: Sequence[Need]) -> str:
    wanted = ", ".join(need.what for need in missing)
    if not shutil.which("apt-get"):
        return f"The tests need on the PATH: {wanted}."
    lines = [f"The tests need what is not here: {wanted}."]
    installed = [need for need in missing if not need.unpacked]
    if installed:
        packages = [need.available_package() or need.packages[0] for need in installed]
        lines += ["To install it (this starts no service):", "", f"    sudo {' '.join(install_command(packages))}", ""]
    if len(installed) < len(missing):
        packages = list(dict.fromkeys(need.packages[0] for need in missing if need.unpacked))
        lines += [
            "Of these the program is wanted without the service that installing would start; with fresh package lists",
            "(sudo apt-get update) this run downloads and unpacks them itself:",
            "",
            f"    {' '.join(download_command(packages))}",
            "",
        ]
    return "\n".join(lines)
