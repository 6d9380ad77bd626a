"""Every test's log, searched for secrets: a pytest plugin that is always on.

What to look for is what the service itself knows to be secret (`farmlokal.telemetry.masking`): the settings of every
application that a test has made so far, and every access token that one of them fetched. Inside a test nothing masks:
loggers print as they are, or are captured with their fields. So a secret that is given to a logger fails the test that
did it, although a service would have masked it. Processes that tests start do mask, and are searched as well.
"""

import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from structlog.testing import LogCapture
from structlog.typing import EventDict, WrappedLogger

from farmlokal.telemetry import masking

_SECRET_VARIABLES = ("SECRET_KEY", "API_KEYS", "OAUTH_CLIENT_SECRET", "WEBHOOK_SECRETS")
_URL_VARIABLES = ("DATABASE_URL", "REDIS_URL")

# Of the test that runs now.
_leaks: list[str] = []


def leaks(text: str) -> list[str]:
    """The lines of `text` that hold a secret, which is masked in what is returned."""
    return [masked for line in text.splitlines() if (masked := masking.masked(line)) != line]


@contextmanager
def own_leaks() -> Iterator[list[str]]:
    """Note what leaks inside the block in the list that is given, and fail nobody for it."""
    own: list[str] = []
    with patch.object(sys.modules[__name__], "_leaks", own):
        yield own


def watch_variables(environment: Mapping[str, str]) -> None:
    """Look for the secrets in a process's environment too."""
    values = [environment.get(f"FARMLOKAL_{name}", "") for name in _SECRET_VARIABLES]
    values += [urlsplit(environment.get(f"FARMLOKAL_{name}", "")).password or "" for name in _URL_VARIABLES]
    masking.mask_values(part for value in values for part in value.split(","))


def watch_output(*texts: str | None) -> None:
    """Note what a process wrote."""
    for text in texts:
        _leaks.extend(leaks(text or ""))


@pytest.fixture(autouse=True, scope="session")
def _watched_captures() -> Generator[None]:
    """Look at captured events as well: their fields, before anything is rendered or masked."""
    capture = LogCapture.__call__

    def watched(self: LogCapture, logger: WrappedLogger, method_name: str, event: EventDict) -> Any:
        _leaks.extend(leaks(repr(event)))
        return capture(self, logger, method_name, event)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LogCapture, "__call__", watched)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail, at its end, a test in whose output there was a secret."""
    report = yield
    if report.when == "teardown":
        found = [*_leaks, *(line for _, text in report.sections for line in leaks(text))]
        _leaks.clear()
        if found and report.passed:
            report.outcome = "failed"
            report.longrepr = "\n".join([f"{item.nodeid} logged a secret:", *found])
    return report
