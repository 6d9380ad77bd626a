"""`Retry-After` in its two forms, and in none."""

from datetime import UTC, datetime, timedelta

import pytest

from farmlokal.partner.outbound.retry_after import WAIT_MAX_S, retry_after_s

NOW = datetime(2026, 11, 22, 10, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("Sun, 22 Nov 2026 10:15:30 GMT", 30),
        ("Sunday, 22-Nov-26 10:15:30 GMT", 30),
        ("Sun Nov 22 10:15:30 2026", 30),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0),
        ("Sun, 22 Nov 2126 10:15:00 GMT", WAIT_MAX_S),
        ("9" * 5000, WAIT_MAX_S),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("Sun, 99 Nov 2026 99:15:30 GMT", None),
    ],
)
def test_both_forms_and_nothing_else(value: str | None, expected: float | None) -> None:
    """Seconds and HTTP dates are seconds from now; what is neither asks for nothing."""
    assert expected == retry_after_s(value, NOW)


def test_a_part_of_a_second_is_waited_too() -> None:
    """Who drops it asks before the moment, and is refused once more."""
    assert 2.4 == retry_after_s("Sun, 22 Nov 2026 10:15:03 GMT", NOW + timedelta(milliseconds=600))
