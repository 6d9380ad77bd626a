"""`python -m tests.load`: starts a service with all that it needs, and loads it with `python -m loadtest`.

Options that are not listed are locust's.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from farmlokal.simulator.webhooks import WEBHOOK_SECRET
from tests.load.loaded_service import API_KEY, Loadable, Options, default_workers, loadable_service, say

_ROOT = Path(__file__).parents[2]


def main() -> int:
    """The exit code of locust: 0 every target was kept, 1 one was not."""
    arguments, locust = _parser().parse_known_args()
    workers = 1 if arguments.embedded else arguments.workers
    with loadable_service(Options(arguments.products, workers, arguments.embedded)) as service:
        say(f"{service.url}, {workers} worker{'s' * (workers > 1)}, rate limit off")
        database = "SQLite, no Redis" if arguments.embedded else "MariaDB and Redis"
        about = (
            f"{arguments.products:,} products, {database}, {workers} worker{'s' * (workers > 1)}, on the same machine"
        )
        code = load(service, [f"--about={about}", *locust])
        # One for all workers and all callers; without Redis one for each process.
        say(f"tokens that the partner issued: {service.tokens_issued}")
    return code


def load(service: Loadable, options: Sequence[str], *, folder: Path = _ROOT) -> int:
    """Run locust with these options on `service`; its exit code. folder: where `load-results` is or comes to be."""
    environment = os.environ | {
        "LOADTEST_API_KEY": API_KEY,
        "LOADTEST_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "PYTHONPATH": str(_ROOT),
    }
    command = [sys.executable, "-m", "loadtest", "--host", service.url, *options]
    with subprocess.Popen(command, cwd=folder, env=environment) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                # Ctrl-C reaches locust as well, which ends with its table.
                continue


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__, allow_abbrev=False)
    parser.add_argument("--products", type=int, default=1_000_000, help="size of the catalogue (%(default)s)")
    parser.add_argument("--workers", type=int, default=default_workers(), help="of the service (%(default)s)")
    parser.add_argument("--embedded", action="store_true", help="SQLite, no Redis, one worker: nothing to install")
    return parser


if __name__ == "__main__":
    sys.exit(main())
