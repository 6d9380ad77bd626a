"""One line per change of a dependency's state."""

from structlog.testing import capture_logs

from farmlokal.telemetry import get_logger
from farmlokal.telemetry.state_log import StateLog


def test_an_outage_is_two_lines_however_many_calls_fail() -> None:
    """The first failure tells the reason; a success after it, the end."""
    now = 0.0
    state = StateLog(get_logger(__name__), "cellar", away="away", back="back", clock=lambda: now)
    with capture_logs() as events:
        state.worked()
        for number in range(1000):
            state.failed(f"reason {number}")
        now += 2
        for _ in range(1000):
            state.worked()
    assert [("away", "warning", "reason 0"), ("back", "info", None)] == [
        (event["event"], event["log_level"], event.get("reason")) for event in events
    ]
    assert {"cellar"} == {event["dependency"] for event in events}


def test_what_has_never_worked_is_not_said_to_be_away() -> None:
    """Where it does not begin up, the first lines are of the first outage after it has worked."""
    state = StateLog(get_logger(__name__), "cellar", away="away", back="back", begins_up=False)
    with capture_logs() as events:
        state.failed("not yet")
        assert not state.away_logged
        state.worked()
        assert [] == events
        state.failed("now")
    assert state.away_logged
    assert ["now"] == [event["reason"] for event in events]


def test_calls_that_fail_now_and_then_are_one_outage() -> None:
    """With every second call failing each would be a change: it is over after a second without a failure."""
    now = 0.0
    state = StateLog(get_logger(__name__), "cellar", away="away", back="back", clock=lambda: now)
    with capture_logs() as events:
        for _ in range(100):
            state.failed("reason")
            now += 0.1
            state.worked()
        assert "<StateLog cellar down>" == repr(state)
        now += 1
        state.worked()
    assert ["away", "back"] == [event["event"] for event in events]
    assert "<StateLog cellar up>" == repr(state)
