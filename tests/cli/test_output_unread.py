"""Commands whose output nobody reads to its end, as in `farmlokal config | head -1`: they end without a word."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_init_db import IN_PLACE, init_db


def unread(environment: dict[str, str], folder: Path, *arguments: str, stream: str) -> tuple[int, bytes]:
    """Exit code of the command with a `stream` whose reader has gone, and what it wrote to the other one."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "farmlokal", *arguments],
            env=environment,
            cwd=folder,
            check=False,
            timeout=60,
            stdout=writer if stream == "stdout" else subprocess.PIPE,
            stderr=writer if stream == "stderr" else subprocess.PIPE,
        )
    finally:
        os.close(writer)
    return done.returncode, done.stdout or done.stderr or b""


@pytest.mark.parametrize("command", [("config",), ("init-db",), ("--help",)], ids=" ".join)
def test_a_reader_that_has_gone(environment: dict[str, str], tmp_path: Path, command: tuple[str, ...]) -> None:
    """Nothing is said of the pipe, and the exit code is 1; what the command does is done."""
    assert (1, b"") == unread(environment, tmp_path, *command, stream="stdout")
    if command == ("init-db",):
        assert IN_PLACE == init_db(environment, tmp_path, "--check")


def test_a_reader_of_faults_that_has_gone(environment: dict[str, str], tmp_path: Path) -> None:
    """So also where it is the line about a fault that nobody reads."""
    assert (1, b"") == unread(environment, tmp_path, "init-db", "--check", stream="stderr")
