"""The progress of long work: plain lines in a log, a bar on a terminal."""

import io
from contextlib import suppress

import pytest

from farmlokal.cli.progress import progress
from tests.support.clock import StillClock


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """True, as a terminal answers."""
        return True


def test_a_log_gets_a_line_every_five_seconds_and_one_at_the_end() -> None:
    """However often the work reports, lines come 5 s apart, and the last says where it came to."""
    stream, clock = io.StringIO(), StillClock()
    with progress("importing", 2000, unit="bytes", stream=stream, clock=clock) as advance_to:
        for done in range(100, 1300, 100):
            clock.now_s += 1
            advance_to(done)
        advance_to(2000)
    assert [
        "importing: 500 of 2,000 bytes (25 %) after 5 s",
        "importing: 1,000 of 2,000 bytes (50 %) after 10 s",
        "importing: 2,000 of 2,000 bytes (100 %) after 12 s",
    ] == stream.getvalue().splitlines()


def test_a_log_says_where_failed_work_stopped() -> None:
    """The final line is also written when the block raises."""
    stream = io.StringIO()
    with suppress(KeyError), progress("seeding", None, unit="products", stream=stream) as advance_to:
        advance_to(7)
        raise KeyError
    assert ["seeding: 7 products after 0 s"] == stream.getvalue().splitlines()


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar shows the label and ends full."""
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with progress("seeding", 10, unit="products", stream=stream) as advance_to:
        advance_to(10)
    assert "seeding" in stream.getvalue()
    assert "10/10" in stream.getvalue()


def test_a_terminal_without_cursor_movement_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """`TERM=dumb`, an editor's shell, cannot show a bar."""
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    with progress("seeding", 10, unit="products", stream=stream) as advance_to:
        advance_to(10)
    assert ["seeding: 10 of 10 products (100 %) after 0 s"] == stream.getvalue().splitlines()


def test_a_terminal_gets_a_bar_of_work_whose_end_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar shows how much is done, of nothing."""
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with progress("looking", None, unit="ids", stream=stream) as advance_to:
        advance_to(3)
        advance_to(7)
    assert "7" == stream.getvalue().splitlines()[-1].split()[-1].removesuffix("\x1b[?25h")
