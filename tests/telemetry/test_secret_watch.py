"""The watch over every test's log notices what it is there for."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from farmlokal.telemetry import get_logger
from farmlokal.telemetry.masking import mask_token
from tests.support.secret_watch import leaks, own_leaks, watch_output, watch_variables
from tests.telemetry.log_capture import own_secrets


@pytest.fixture(autouse=True)
def noted() -> Iterator[list[str]]:
    """What the watch notes in this test, which is not failed for it."""
    with own_leaks() as found, own_secrets():
        yield found


def test_a_line_with_a_secret_is_found_and_shown_without_it() -> None:
    """An access token, and whatever a process was given in its environment."""
    mask_token("token-of-a-partner")
    watch_variables(
        {
            "FARMLOKAL_API_KEYS": "first-api-key,second-api-key",
            "FARMLOKAL_DATABASE_URL": "mysql://farm:password-in-a-url@127.0.0.1/db",
        }
    )
    text = "one\ntwo token-of-a-partner\nthree second-api-key\nfour password-in-a-url\nfive"
    assert ["two ***", "three ***", "four ***"] == leaks(text)


def test_a_secret_in_a_captured_event_or_a_processs_output_is_noted(noted: list[str]) -> None:
    """Also where a test captures the log, and nothing is printed."""
    mask_token("token-of-a-partner")
    with capture_logs():
        get_logger(__name__).info("harmless")
        get_logger(__name__).info("harmful", deep={"list": ["token-of-a-partner"]})
    watch_output("harmless", None, "token-of-a-partner")
    assert 2 == len(noted)
    assert "harmful" in noted[0]
    assert "***" == noted[1]
