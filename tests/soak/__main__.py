"""`python -m tests.soak`: a soak of some minutes; exit code 1 where something was found."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from tests.soak.soaking import soak


def main() -> int:
    """Run the soak, print what came out, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__, allow_abbrev=False)
    parser.add_argument("--seconds", type=float, default=600, help="how long (%(default)s)")
    parser.add_argument("--seed", type=int, help="of the weather and of what is sent [default: another each time]")
    arguments = parser.parse_args()
    seed = secrets.randbelow(2**32) if arguments.seed is None else arguments.seed
    sys.stderr.write(f"seed {seed}\n")
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(soak(arguments.seconds, seed, Path(folder)))
    sys.stdout.write(f"{report}\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
