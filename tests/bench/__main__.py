"""`python -m tests.bench`: measures the service, each figure as a ratio to a reference of the same run."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.bench.bulk import bulk
from tests.bench.burst import burst
from tests.bench.cache import cache
from tests.bench.causal import causal
from tests.bench.connections import connections
from tests.bench.earlier import earlier
from tests.bench.figures import Figure, as_json, for_action, heading, line
from tests.bench.growth import growth
from tests.bench.hot import hot
from tests.bench.in_front import in_front
from tests.bench.limits import limits
from tests.bench.listing import depth, families
from tests.bench.machine import machine
from tests.bench.memory import memory
from tests.bench.near import near
from tests.bench.page import page
from tests.bench.pages import pages
from tests.bench.redis_hits import redis_hits
from tests.bench.scaling import scaling
from tests.bench.search import search
from tests.bench.soak import soak
from tests.bench.stand import Options, Stand
from tests.bench.start import start
from tests.bench.suggest import suggest
from tests.bench.summary import summary
from tests.bench.syncs import syncs
from tests.bench.time_spent import time_spent
from tests.bench.tokens import tokens
from tests.bench.webhooks import webhooks
from tests.bench.workers import workers
from tests.bench.writes import writes

# In this order: what writes to the catalogue comes last.
GROUPS: dict[str, Callable[[Stand], Iterator[Figure]]] = {
    "hot": hot,
    "front": in_front,
    "redis": redis_hits,
    "time": time_spent,
    "workers": workers,
    "scaling": scaling,
    "connections": connections,
    "pages": pages,
    "families": families,
    "near": near,
    "search": search,
    "suggest": suggest,
    "summary": summary,
    "depth": depth,
    "burst": burst,
    "start": start,
    "memory": memory,
    "cache": cache,
    "causal": causal,
    "growth": growth,
    "soak": soak,
    "limits": limits,
    "tokens": tokens,
    "syncs": syncs,
    "bulk": bulk,
    "earlier": earlier,
    "writes": writes,
    "webhooks": webhooks,
}


def main() -> None:
    """Measure what the arguments ask for, print a table, write the page, and JSON where it is asked for."""
    arguments = _parser().parse_args()
    options = Options(
        arguments.products,
        arguments.seconds,
        arguments.rounds,
        arguments.server,
        60 * arguments.soak_minutes,
        arguments.soak_urls,
    )
    started = time.monotonic()
    figures: list[Figure] = []
    with Stand(options) as stand:
        facts = machine(stand)
        _say(" · ".join(f"{name} {value}" for name, value in facts.items()))
        for name in arguments.only or GROUPS:
            _say(f"\n{name}: {(GROUPS[name].__doc__ or '').rstrip('.')}\n{heading()}")
            for figure in GROUPS[name](stand):
                figures.append(replace(figure, group=name))
                _say(line(figure))
            # After each group, so that one that fails does not take the others' figures with it.
            _write(arguments, facts, figures)
    _say(f"\n{arguments.html} shows it")
    _say(f"{time.monotonic() - started:.0f} s")


def _write(arguments: argparse.Namespace, facts: dict[str, Any], figures: Sequence[Figure]) -> None:
    arguments.html.write_text(page(facts, figures), encoding="utf-8")
    if arguments.json is not None:
        arguments.json.write_bytes(as_json(facts, figures))
    if arguments.action_json is not None:
        for better in ("bigger", "smaller"):
            path = arguments.action_json.with_suffix(f".{better}.json")
            path.write_bytes(for_action(figures, better))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--products", type=int, default=1_000_000, help="size of the catalogue (%(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one sample (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="samples of each figure (%(default)s)")
    parser.add_argument("--only", action="append", choices=GROUPS, metavar="NAME", help=f"one of {', '.join(GROUPS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    parser.add_argument("--html", type=Path, default=Path("bench.html"), metavar="FILE", help="the page (%(default)s)")
    parser.add_argument(
        "--action-json",
        type=Path,
        metavar="FILE",
        help="for the forge's benchmark action: chart.json makes it chart.bigger.json and chart.smaller.json",
    )
    parser.add_argument("--soak-minutes", type=float, default=10.0, help="length of the soak (%(default)s)")
    parser.add_argument("--soak-urls", type=int, default=2_000, help="different URLs that it asks for (%(default)s)")
    parser.add_argument("--server", metavar="URL", help="measure this MySQL or MariaDB server, not an own MariaDB")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
