"""`python -m tests.bench.compare BASE`: whether this checkout is slower than another commit.

Both run at the same time on the same servers and the same products, and are measured in turns. A figure is a
regression when this checkout's median rate is below nine tenths of the other's with 99 % confidence; rounds are added
until that is sure, or sure not to be so, or there are too many. No number of another run or another machine takes part.
"""

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

from tests.bench.base_code import NoSuchCommit, code_of
from tests.bench.bootstrap import MARGIN, Compared, compare_rates
from tests.bench.cores import share_cores
from tests.bench.service_process import HERE, Code
from tests.bench.sides import start_side
from tests.bench.stand import Options, Stand

OK, SLOWER, WRONG_USAGE = 0, 1, 2
_ROUNDS_MIN = 6


def main() -> int:
    """Compare with the commit that the arguments name; the exit code: 0 not slower, 1 slower, 2 no such commit."""
    arguments = _parser().parse_args()
    options = Options(arguments.products, arguments.seconds, arguments.rounds_max)
    try:
        with code_of(arguments.base) as base:
            results = compare(HERE, base, options)
    except NoSuchCommit as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USAGE
    return SLOWER if any(result.verdict == "regression" for result in results.values()) else OK


def compare(this: Code, base: Code, options: Options) -> dict[str, Compared]:
    """Measure both in turns, print a table; what became of each figure."""
    cores = share_cores()
    _say(f"{cores}; a regression is less than {MARGIN} of the base's rate with 99 % confidence\n")
    _say(f"{'':48}{'this':>9}{'base':>9}{'ratio':>8}  {'interval':16}rounds")
    results = {}
    with Stand(options) as stand, ExitStack() as servers:
        ours = start_side(stand, servers, this, 0, cores)
        theirs = start_side(stand, servers, base, 1, cores)
        for name, measure in ours.measures.items():
            reference = theirs.measures[name]
            measure(), reference()
            rounds: list[tuple[float, float]] = []
            while not _is_enough(rounds, options.rounds):
                rounds.append(_round(measure, reference, len(rounds)))
            results[name] = compare_rates(rounds)
            _say(_line(name, rounds, results[name]))
    return results


def _is_enough(rounds: list[tuple[float, float]], rounds_max: int) -> bool:
    if len(rounds) < min(_ROUNDS_MIN, rounds_max):
        return False
    return len(rounds) >= rounds_max or compare_rates(rounds).verdict is not None


def _round(measure: Callable[[], float], reference: Callable[[], float], number: int) -> tuple[float, float]:
    """A sample of each; the two take turns at being first."""
    if number % 2:
        against = reference()
        return measure(), against
    measured = measure()
    return measured, reference()


def _line(name: str, rounds: list[tuple[float, float]], result: Compared) -> str:
    ours, theirs = (median(one[side] for one in rounds) for side in (0, 1))
    interval = f"{result.low:.2f} to {result.high:.2f}"
    verdict = (result.verdict or "not sure").upper() if result.verdict != "ok" else "ok"
    return f"{name:48}{ours:9,.0f}{theirs:9,.0f}{result.ratio:8.2f}  {interval:16}{len(rounds):6}  {verdict}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.compare", description=__doc__)
    parser.add_argument("base", help="the commit to compare with")
    parser.add_argument("--products", type=int, default=100_000, help="size of each catalogue (%(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one sample (%(default)s)")
    parser.add_argument("--rounds-max", type=int, default=24, help="samples of each figure at most (%(default)s)")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
