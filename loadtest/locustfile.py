"""Households, searchers, a crawler, a mirror, a token stampede, a webhook sender, an operator: on any host.

Run it from the repository's top folder as `python -m loadtest --host http://127.0.0.1:8080 --users 200 --run-time 60s`,
which keeps the results in `load-results/`, or with locust's own command, `locust -f loadtest/locustfile.py`. It ends
with a table, and with exit code 1 when a route missed a target of `loadtest/targets.toml` (another file: `--targets`).

The service limits what one client may ask, by default 1,200 requests a minute: any load test from one machine is beyond
that. Start the service that you load with `FARMLOKAL_RATE_LIMIT=off`, or with a limit above the load.

`LOADTEST_API_KEY` (one of the service's `FARMLOKAL_API_KEYS`) lets the token stampede and the operator take part,
`LOADTEST_WEBHOOK_SECRET` (one of its `FARMLOKAL_WEBHOOK_SECRETS`) the webhook sender. Distributed over machines, every
worker needs them. Several workers of the service without Redis have a token each: the stampede reports that.
"""

import logging
import sys
import time
from pathlib import Path
from typing import Any

import gevent
import locust.stats
from locust import LoadTestShape, events
from locust.html import get_html_report
from locust.runners import WorkerRunner

from loadtest.browsing import Household
from loadtest.crawling import Crawler
from loadtest.delivering import WEBHOOK_SECRET, WebhookSender
from loadtest.measured import counted_ms, measured_by_name
from loadtest.mirroring import Mirror
from loadtest.report import machine, report
from loadtest.searching import Searcher
from loadtest.shapes import SHAPES
from loadtest.syncing import Operator
from loadtest.targets import TARGETS_FILE, Targets
from loadtest.tokens import API_KEY, TokenStampede
from loadtest.verdict import Run, verdict

__all__ = ["Crawler", "Household", "Mirror", "Operator", "Searcher", "Shaped", "TokenStampede", "WebhookSender"]

_DEFAULT_TIME_S = 60

# Before any request is counted, and in every worker.
locust.stats.bucket_response_time = counted_ms  # type: ignore[assignment]
# The charts of the report: a point a second, so that a short run has a curve as well.
locust.stats.HISTORY_STATS_INTERVAL_SEC = 1
locust.stats.PERCENTILES_TO_CHART = [0.5, 0.95, 0.99]

_log = logging.getLogger(__name__)


class Shaped(LoadTestShape):
    """The shape that `--shape` names, of the length of `--run-time`, with at most `--users` users."""

    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        """How many users there shall be now, and how many come or go in a second; None at the end."""
        runner: Any = self.runner
        options = runner.environment.parsed_options
        length_s = options.run_time or _DEFAULT_TIME_S
        at_s: float = self.get_run_time()  # type: ignore[no-untyped-call]
        if at_s >= length_s:
            return None
        users = SHAPES[options.shape](at_s, length_s, options.num_users or 1)
        # Whoever comes or goes does so before the next look at the shape, a second from now.
        return users, max(1, abs(users - runner.user_count))


class Presence:
    """The users' mean number, for targets that depend on it: looked at each second while the test runs."""

    def __init__(self) -> None:
        self._user_seconds = 0.0
        self._seconds = 0.0

    def watch(self, runner: Any) -> None:
        """Count until killed."""
        before = time.monotonic()
        while True:
            gevent.sleep(1)
            now = time.monotonic()
            self._user_seconds += runner.user_count * (now - before)
            self._seconds += now - before
            before = now

    @property
    def mean(self) -> float:
        """Users present, on average over the run."""
        return self._user_seconds / self._seconds if self._seconds else 0.0


_presence = Presence()


def add_options(parser: Any, **_: Any) -> None:
    """Add the options of ours to locust's. All are plain text: a master sends them to its workers."""
    parser.add_argument(
        "--shape", choices=SHAPES, default="steady", env_var="LOADTEST_SHAPE", help="course of the load"
    )
    parser.add_argument("--targets", default=str(TARGETS_FILE), help="targets of each route (%(default)s)")
    parser.add_argument("--errors-only", action="store_true", help="let only errors fail the test")
    parser.add_argument("--verdict", help="write the table there as well")
    parser.add_argument("--report", help="write a page of it all there, with locust's charts")
    parser.add_argument("--about", help="what is loaded, for the report")


def announce(environment: Any, **_: Any) -> None:
    """At the start: refuse wrong targets before there is any load, and say who does not take part."""
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        return
    if environment.host:
        # Paths are put behind it as they are: with a slash at its end each would begin with two.
        environment.host = environment.host.rstrip("/")
    try:
        Targets.read(Path(environment.parsed_options.targets))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{environment.parsed_options.targets}: {error}\n")
        sys.exit(2)
    if not API_KEY:
        _log.warning("LOADTEST_API_KEY is not set: no token stampede, no operator syncing")
    if not WEBHOOK_SECRET:
        _log.warning("LOADTEST_WEBHOOK_SECRET is not set: no webhook sender")
    gevent.spawn(_presence.watch, runner)


def judge(environment: Any, **_: Any) -> None:
    """When locust quits: make 0 (passed) or 1 the exit code of the process, and write the table behind all else."""
    runner, options = environment.runner, environment.parsed_options
    # A worker measures only a share of the load; its master judges.
    if runner is None or isinstance(runner, WorkerRunner):
        return
    stats = runner.stats
    run = Run(
        measured=measured_by_name(stats),
        length_s=max(0.0, (stats.last_request_timestamp or 0.0) - stats.start_time),
        users=_presence.mean,
        broken=len(runner.exceptions),
        short_of_cpu=runner.cpu_warning_emitted or runner.worker_cpu_warning_emitted,
    )
    targets = Targets.read(Path(options.targets))
    passed, table = verdict(run, targets, errors_only=options.errors_only)
    environment.process_exit_code = 0 if passed else 1
    if options.verdict is not None:
        Path(options.verdict).write_text(f"{table}\n", "utf-8")
    if options.report is not None:
        facts = [("service", environment.host or ""), ("about it", options.about or "not told"), *machine()]
        charts = get_html_report(environment, show_download_link=False)  # type: ignore[no-untyped-call]
        shown = report(run, targets, facts, charts, errors_only=options.errors_only)
        Path(options.report).write_text(shown, "utf-8")

    def show(**_: Any) -> None:
        sys.stdout.write(f"\n{table}\n")

    events.quit.add_listener(show)  # type: ignore[no-untyped-call]


events.init_command_line_parser.add_listener(add_options)  # type: ignore[no-untyped-call]
events.init.add_listener(announce)  # type: ignore[no-untyped-call]
events.quitting.add_listener(judge)  # type: ignore[no-untyped-call]
