"""The `farmlokal` command in a process that does not have to import it: a fork of one that has."""

import os
import sys
from collections.abc import Mapping
from multiprocessing import get_context
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired
from tempfile import TemporaryDirectory

from farmlokal.cli.main import main

_FORKS = get_context("forkserver")
# What every command imports, and then what each of them does: half a second.
_FORKS.set_forkserver_preload([__name__, *(f"farmlokal.cli.{name}" for name in ("serve", "importing", "catalogue"))])


def run_forked(
    arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path, wait_max_s: float
) -> CompletedProcess[str]:
    """The finished command, run in `folder`. Raises TimeoutExpired where it takes longer."""
    with TemporaryDirectory() as written:
        out, err = Path(written, "out"), Path(written, "err")
        process = _FORKS.Process(target=_run, args=(arguments, dict(environment), folder, out, err))
        process.start()
        process.join(wait_max_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutExpired(arguments, wait_max_s, out.read_bytes(), err.read_bytes())
        return CompletedProcess(arguments, process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))


def _run(arguments: tuple[str, ...], environment: dict[str, str], folder: Path, out: Path, err: Path) -> None:
    """Become the command, as the interpreter would start it."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for path, stream in ((out, sys.stdout), (err, sys.stderr)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    sys.argv = ["farmlokal", *arguments]
    main()
