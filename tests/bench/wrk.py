"""The load generator of the fast figures: wrk, a C program, which asks faster than any service in Python answers.

It keeps a number of connections busy, one request on each at a time. Its latencies are of that closed loop: a stall of
the service delays the next request too (`tests.bench.steady_load` has a schedule, where that matters).
"""

import math
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import orjson

from tests.bench.cores import on_cores
from tests.bench.samples import Sample
from tests.servers import ServerFailed
from tests.servers.programs import find_program

CONNECTIONS = 32
_FOLDER = Path(__file__).parent


def run_wrk(
    port: int,
    targets: Sequence[str],
    *,
    seconds: float,
    cores: Sequence[int],
    connections: int = CONNECTIONS,
    headers: Sequence[str] = (),
    proxied: int = 0,
) -> Sample:
    """Ask 127.0.0.1:`port` for `targets` in turn, from `connections` connections on `cores`.

    seconds: rounded up to whole ones, which is what wrk takes. headers: `Name: value`, sent with every request.
    proxied: how many requests in a row have an `X-Request-ID`, an `X-Forwarded-For` and a `traceparent` each that no
    other of them has, as a proxy gives them to every request.
    Raises ServerFailed when there is no wrk, and CalledProcessError when it fails. An error is a failed or timed out
    (2 s) request, or a status above 399.
    """
    program = find_program("wrk")
    if program is None:
        raise ServerFailed("no wrk: `make bench` finds or unpacks one")
    threads = max(1, min(len(cores), connections))
    with tempfile.TemporaryDirectory() as folder:
        script, further = _script(Path(folder), targets, threads, proxied)
        command = [program.path, f"-t{threads}", f"-c{connections}", f"-d{math.ceil(seconds)}s", "-s", str(script)]
        command += [word for header in headers for word in ("-H", header)]
        command += [f"http://127.0.0.1:{port}{targets[0]}", *further]
        shown = subprocess.run(
            on_cores(cores, command), env=program.environment(), capture_output=True, text=True, check=True
        )
    return _sample(shown.stdout)


def _script(folder: Path, targets: Sequence[str], threads: int, proxied: int) -> tuple[Path, list[str]]:
    """The file that tells wrk what to ask for and to report, and the arguments that it takes."""
    parts = [(_FOLDER / "wrk_report.lua").read_text("utf-8")]
    further: list[str] = []
    if len(targets) > 1 or proxied:
        # One and the same request is made once; only different ones need Lua to be asked each time.
        parts.append((_FOLDER / "wrk_targets.lua").read_text("utf-8"))
        (folder / "targets").write_text("".join(f"{target}\n" for target in targets), encoding="utf-8")
        further = ["--", str(folder / "targets"), str(threads), str(proxied)]
    script = folder / "script.lua"
    script.write_text("\n".join(parts), encoding="utf-8")
    return script, further


def _sample(printed: str) -> Sample:
    measured = orjson.loads(printed.splitlines()[-1])
    if measured["requests"] <= measured["errors"]:
        raise ValueError(f"nothing was measured: {measured}")
    succeeded = measured["requests"] - measured["errors"]
    return Sample(
        median_ms=measured["median_us"] / 1000,
        p99_ms=measured["p99_us"] / 1000,
        rate=succeeded / measured["elapsed_us"] * 1e6,
        errors=measured["errors"],
        requests=succeeded,
    )
