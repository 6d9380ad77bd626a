"""`python -m loadtest`: locust with our users, without its web page, its results kept in `load-results/`.

Every option of locust may follow; `--users 50 --run-time 30s` stand where none is given.
"""

import socket
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from locust.main import main

_RESULTS = Path("load-results")


def arguments(given: Sequence[str], folder: Path) -> list[str]:
    """The options for locust: ours, and then those that were `given`, which count where both say something.

    folder: where the results go.
    """
    return [
        f"--locustfile={Path(__file__).with_name('locustfile.py')}",
        "--headless",
        "--only-summary",
        "--users=50",
        "--run-time=30s",
        # Users finish what they are at: a request that is cut off would be none that the service answered.
        "--stop-timeout=30",
        f"--report={folder / 'report.html'}",
        f"--csv={folder / 'run'}",
        f"--verdict={folder / 'verdict.txt'}",
        "--csv-full-history",
        *_port(given),
        *given,
    ]


def _port(given: Sequence[str]) -> Iterator[str]:
    """Where the processes of one machine meet, if there are several: out of others' reach, and of others' way."""
    if any(option.startswith("--processes") for option in given):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        yield from ("--master-bind-host=127.0.0.1", f"--master-bind-port={port}", f"--master-port={port}")


if __name__ == "__main__":
    results = _RESULTS / datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    results.mkdir(parents=True, exist_ok=True)
    sys.argv[1:] = arguments(sys.argv[1:], results)
    sys.stdout.write(f"results: {results}\n")
    main()  # type: ignore[no-untyped-call]
