"""Packages of other people in a folder of their own, for proofs that run them as programs: pinned, and none of ours."""

import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path


class ProgramMissing(Exception):
    """A program is not on this machine; the text says which, and what cannot be proved without it."""


def node_with(folder: Path, pins: Mapping[str, str]) -> list[str]:
    """The command that runs Node; scripts in `folder` find the packages there. pins: names and versions.

    Raises ProgramMissing.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing = " and ".join(name for name, path in (("Node.js", node), ("npm", npm)) if path is None)
        raise ProgramMissing(f"{missing} is not on the PATH; with it the proof runs {', '.join(pins)}")
    quiet = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--engine-strict=false")
    _install([npm, "install", *quiet, "--prefix", str(folder), *(f"{name}@{pins[name]}" for name in pins)])
    return [node]


def python_with(folder: Path, pins: Mapping[str, str]) -> list[str]:
    """The command that runs a Python which has the packages and nothing else. pins: names and versions."""
    venv.create(folder, with_pip=False)
    python = str(folder / "bin" / "python")
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check")
    _install([*pip, *(f"{name}=={pins[name]}" for name in pins)])
    return [python]


def _install(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert 0 == done.returncode, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
