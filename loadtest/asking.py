"""What every kind of user shares: a request, counted under its route and outcome, and checked."""

import json
import random
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from locust import FastHttpUser

from loadtest.outcomes import RATE_LIMITED, named, outcome_of

# What is wrong with a decoded answer; None when nothing is.
Fault = Callable[[Any], str | None]

# Statuses of answers that are what was asked for.
_GOOD = frozenset({HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.NOT_MODIFIED})


class Answer(NamedTuple):
    """A good answer. content: decoded, None for a 304. header: looks one of its headers up."""

    status: int
    content: Any
    header: Callable[[str], str | None]


class Asker(FastHttpUser):
    """A user that asks as browsers do: connections kept alive, answers compressed."""

    abstract = True
    # A sync is answered after 20 seconds at the latest.
    network_timeout = 30.0
    default_headers = {"Accept-Encoding": "gzip, deflate, br"}  # noqa: RUF012 - locust reads it off the class

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Its own, and not the module's: processes that were forked after the import would all choose alike.
        self.rng = random.Random()

    def ask(
        self,
        url: str,
        route: str,
        fault_of: Fault,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
        kind_of: Callable[[Any], str | None] | None = None,
    ) -> Answer | None:
        """Ask for `url`; the answer, or None when it was no good one, or had a fault.

        kind_of: tells from a decoded answer what to count it as, where that is not in its `Cache-Status`.
        """
        sent = {**self.default_headers, **(headers or {})}
        with self.client.request(method, url, name=route, data=body, headers=sent, catch_response=True) as response:
            status = response.status_code

            def header(name: str) -> str | None:
                return None if response.headers is None else response.headers.get(name)

            outcome = outcome_of(status, header)
            response.request_meta["name"] = named(route, outcome)
            if status not in _GOOD:
                response.failure(_refusal(status, outcome, response.content))
                return None
            content, fault = _unchanged(sent) if status == HTTPStatus.NOT_MODIFIED else _decoded(response.content)
            if fault is None and status != HTTPStatus.NOT_MODIFIED:
                if kind_of is not None:
                    response.request_meta["name"] = named(route, kind_of(content))
                fault = fault_of(content)
            if fault is not None:
                response.failure(fault)
                return None
            response.success()
            return Answer(status, content, header)


def _unchanged(sent: Mapping[str, str]) -> tuple[None, str | None]:
    """The content of a 304, which has none, and what is wrong with it."""
    return None, None if "If-None-Match" in sent else "a 304 to a request without a condition"


def _decoded(body: bytes | None) -> tuple[Any, str | None]:
    """The decoded body, and what is wrong with it."""
    # Not response.json(): it guesses the charset of every answer, which costs more than the request.
    try:
        return json.loads(body or b""), None
    except ValueError:
        return None, "the answer is not JSON"


def _refusal(status: int, outcome: str | None, body: bytes | None) -> str:
    """Why an answer is not a good one, in words that are the same for every request that met with the same."""
    if outcome == RATE_LIMITED:
        return "429: the service's rate limit, not a fault of the service"
    problem, _ = _decoded(body)
    kind = problem.get("type") if isinstance(problem, dict) else None
    return f"{outcome or f'status {status}'}{f': {kind}' if kind else ''}"
