"""The board: each process's numbers in a slot of its own, told as one service's."""

import math
import os
import signal
from functools import partial

import pytest

from farmlokal.app.metrics.exposition import registry_of
from farmlokal.app.metrics.metric_sources import MetricSource
from farmlokal.app.metrics.metric_writer import MetricWriter
from farmlokal.telemetry.board import Board
from farmlokal.telemetry.durations import BOUNDS_S, Durations
from farmlokal.web.edge.request_counts import RequestCounts
from tests.support.log_lines import at_level, logged

LOADED = ("farmlokal_origin_loads_total", {"result": "loaded"})
RUNNING = "farmlokal_origin_loads_running"
LOAD_COUNT = "farmlokal_origin_load_seconds_count"


def told(board: Board, name: str, labels: dict[str, str] | None = None) -> float | None:
    """What a scrape of `board` says of one series."""
    return registry_of(board, lambda: None).get_sample_value(name, labels)


class Mechanism:
    """Counts as the mechanisms do, beginning at 0."""

    def __init__(self) -> None:
        self.loaded = self.running = 0
        self.times = Durations()

    def writer(self, board: Board) -> MetricWriter:
        """What brings its counts to a slot of `board`."""
        slot = board.acquire()
        writer = MetricWriter(
            slot,
            [
                MetricSource("farmlokal_origin_loads_total", "loaded", lambda: self.loaded),
                MetricSource("farmlokal_origin_loads_running", "", lambda: self.running),
                MetricSource("farmlokal_origin_load_seconds", "", self.times),
            ],
        )
        slot.live = True
        return writer

    def work(self, loads: int) -> None:
        """Load that often; one more is under way."""
        self.loaded += loads
        self.running += 1
        for _ in range(loads):
            self.times.observe(0.003)


def test_processes_are_told_as_one() -> None:
    """Counters, histograms and summed gauges of two processes are added up."""
    board = Board(4)
    for loads in (3, 4):
        mechanism = Mechanism()
        writer = mechanism.writer(board)
        mechanism.work(loads)
        writer.flush()
    assert (7, 2, 7) == (told(board, *LOADED), told(board, RUNNING), told(board, LOAD_COUNT))
    assert 0 == told(board, "farmlokal_origin_load_seconds_bucket", {"le": "0.0025"})
    assert 7 == told(board, "farmlokal_origin_load_seconds_bucket", {"le": "0.005"})
    assert pytest.approx(0.021) == told(board, "farmlokal_origin_load_seconds_sum")


def test_what_was_counted_twice_is_told_once() -> None:
    """A flush writes how much there is, not how much there is more: as many of them as one likes change nothing."""
    board, mechanism = Board(), Mechanism()
    writer = mechanism.writer(board)
    mechanism.work(2)
    for _ in range(5):
        writer.flush()
    assert (2, 2) == (told(board, *LOADED), told(board, LOAD_COUNT))


def test_the_next_process_goes_on_where_the_last_one_died() -> None:
    """A dead process's counts stay and its gauges go; whoever gets its slot adds to them, for as long as one likes."""
    board = Board(2)
    for generation in range(1, 51):
        slot = board.slots[0]
        mechanism = Mechanism()
        writer = mechanism.writer(board)
        mechanism.work(2)
        writer.flush()
        assert (2 * generation, 1, 2 * generation) == (
            told(board, *LOADED),
            told(board, RUNNING),
            told(board, LOAD_COUNT),
        )
        board.release(slot)
        assert (2 * generation, None) == (told(board, *LOADED), told(board, RUNNING))
    assert {} == board.slots[1].places()


def test_a_killed_process_has_counted_up_to_its_last_request() -> None:
    """Answers are counted in shared memory itself: nothing of them waits for a flush that never comes."""
    board = Board(2)
    slot = board.acquire()
    pid = os.fork()
    if pid == 0:
        series = RequestCounts(slot).series("/products", "GET", 200)
        for _ in range(1000):
            series.observe(0.0001)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert 1000 == told(
        board, "farmlokal_http_requests_total", {"route": "/products", "method": "GET", "status": "200"}
    )
    assert 1000 == told(board, "farmlokal_http_request_seconds_count", {"route": "/products"})


def test_gauges_that_tell_nothing_are_nan_and_do_not_hide_those_that_do() -> None:
    """Of two processes, one without a token: the other's is told; of none, NaN."""
    board = Board(2)
    for age_s in (math.nan, 5.0):
        slot = board.acquire()
        MetricWriter(slot, [MetricSource("farmlokal_token_age_seconds", "", partial(float, age_s))]).flush()
        slot.live = True
    assert 5 == told(board, "farmlokal_token_age_seconds")
    assert math.isnan(told(board, "farmlokal_token_expires_in_seconds") or 0)


@pytest.mark.parametrize(("seconds", "bound"), [(0.0, BOUNDS_S[0]), (0.0005, 0.0005), (0.00051, 0.001), (10, 10)])
def test_a_bucket_holds_what_is_at_most_its_bound(seconds: float, bound: float) -> None:
    """As Prometheus has it, on the hot path's own way of counting too."""
    board, times = Board(), Durations()
    slot = board.acquire()
    RequestCounts(slot).series("/products", "GET", 200).observe(seconds)
    times.observe(seconds)
    assert 1 == times.counts[BOUNDS_S.index(bound)]
    labels = {"route": "/products", "le": str(float(bound))}
    assert 1 == told(board, "farmlokal_http_request_seconds_bucket", labels)


def test_what_takes_longer_than_the_last_bound_is_counted_too() -> None:
    """It stands in the last bucket, +Inf."""
    board = Board()
    RequestCounts(board.acquire()).series("/products", "GET", 200).observe(11)
    assert 0 == told(board, "farmlokal_http_request_seconds_bucket", {"route": "/products", "le": "10.0"})
    assert 1 == told(board, "farmlokal_http_request_seconds_bucket", {"route": "/products", "le": "+Inf"})


def test_a_full_board_harms_nothing_that_is_there() -> None:
    """Series that find no room are not counted, which is said once; the others go on."""
    slot = Board().acquire()
    first = slot.place("farmlokal_known")
    with logged() as events:
        places = [slot.place("farmlokal_many", str(number), words=16) for number in range(2000)]
        slot.values[places[-1]] = 9.0
    assert 1 == len(at_level(events, "error"))
    assert (first, 0) == (slot.place("farmlokal_known"), slot.values[first])
    named = {word for place in slot.places().values() for word in range(place.first, place.first + place.words)}
    assert places[-1] not in named


def test_more_processes_than_slots_are_served_and_not_counted() -> None:
    """The one too many works on a slot of its own, and the log says so."""
    board = Board(1)
    board.acquire()
    with logged() as events:
        extra = board.acquire()
    assert 1 == len(at_level(events, "error"))
    assert extra not in board.slots
    board.release(extra)
    assert "<Board slots=1 in_use=1>" == repr(board)
