"""Debian packages downloaded and unpacked into a folder of the checkout, for programs whose packages bring a service.

Nothing is installed, nothing of the package's own is run, and no rights are needed. Standard library only.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path


def download_command(packages: Sequence[str]) -> list[str]:
    """Return the command that downloads packages into the current folder."""
    return ["apt-get", "download", *packages]


def is_known(package: str) -> bool:
    """Return whether apt's lists have the package, so that it can be downloaded."""
    shown = subprocess.run(("apt-cache", "show", "--no-all-versions", package), capture_output=True, check=False)
    return shown.returncode == 0


def unpack(package: str, root: Path) -> bool:
    """Unpack a package, and the libraries that this machine lacks for it, into `root`; return whether it succeeded."""
    with tempfile.TemporaryDirectory() as folder:
        # apt drops its rights to download; the folder must be writable without them.
        Path(folder).chmod(0o777)
        command = download_command([package, *_missing_libraries(package)])
        sys.stderr.write(f"+ {' '.join(command)}\n")
        if subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, check=False).returncode != 0:
            return False
        root.mkdir(parents=True, exist_ok=True)
        return all(
            subprocess.run(("dpkg-deb", "--extract", file, root), check=False).returncode == 0
            for file in sorted(Path(folder).glob("*.deb"))
        )


def _missing_libraries(package: str) -> list[str]:
    """Return the libraries that an installation would bring: those not here in any version."""
    simulated = subprocess.run(
        ("apt-get", "install", "--simulate", "--no-install-recommends", package),
        capture_output=True,
        text=True,
        check=False,
    )
    return libraries_of(simulated.stdout, package)


def libraries_of(simulated: str, package: str) -> list[str]:
    """Return the libraries among the new packages of a simulated installation, but not `package` itself.

    An upgrade is no new package: its line has the installed version in brackets, `Inst libc6 [2.36] (2.37 …)`.
    """
    new = [line.split()[1] for line in simulated.splitlines() if line.startswith("Inst ") and "] (" not in line]
    return [name for name in new if name.startswith("lib") and not name.startswith("libjs-") and name != package]
