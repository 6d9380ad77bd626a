"""`Retry-After`: when an upstream wants to be asked again (RFC 9110 section 10.2.3)."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Beyond this a wait means "not today"; a longer one is cut.
WAIT_MAX_S = 86_400.0


def retry_after_s(value: str | None, now: datetime | None = None) -> float | None:
    """Returns the seconds to wait by the header's `value`, a number of them or an HTTP date; None when it is neither.

    now: the present moment, by the system's clock unless a test says otherwise.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # A number of thousands of digits is no reason to do arithmetic on it.
        return WAIT_MAX_S if len(text) > len(f"{WAIT_MAX_S:.0f}") else min(WAIT_MAX_S, float(text))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(WAIT_MAX_S, max(0.0, (moment - (now or datetime.now(UTC))).total_seconds()))
