"""Asks services by the document's operations, and holds every answer against what is said of it."""

import gzip
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET
from farmlokal.web.answers.problems import NOT_CONFIGURED, RATE_LIMITED
from farmlokal.web.handlers.docs import files_by_name
from farmlokal.web.openapi.problem_schemas import ANYWHERE
from tests.support.products import catalogue
from tests.support.raw_requests import Answer, exchange
from tests.support.service import Service, serving, settings_for
from tests.support.webhook_sender import SECRET
from tests.web.api_document import ALL_ROUTES, departures, operation

API_KEY = "only-the-tests-know-this-key"
KEY = {"X-API-Key": API_KEY}
NO_HEADERS: Mapping[str, str] = {}
# The operation, the status, the problem's name or None.
Given = tuple[str, int, str | None]
# Nothing below the handlers knows which operation a request is of, and no handler takes part in these.
EVERY = {(problem.status, problem.name) for problem in ANYWHERE}
TARGETS = {
    "listProducts": "/products",
    "showProduct": "/products/1",
    "listChanges": "/products/changes",
    "listPrices": "/products/1/prices",
    "drawPrices": "/products/1/prices.svg",
    "summariseProducts": "/products/summary",
    "suggest": "/suggest?q=tom",
    "listCategories": "/categories",
    "listPlaces": "/places",
    "listFarms": "/farms",
    "showFarm": "/farms/1",
    "showIndex": "/",
    "showDocument": "/openapi.json",
    "showDocs": "/docs",
    "showDocsFile": f"/docs/{next(iter(files_by_name()))}",
    "showProblem": "/problems/not-found",
    "showToken": "/auth/token",
    "startSync": "/external/sync",
    "startSyncByGet": "/external/sync",
    "showSync": "/external/sync/0123456789abcdef",
    "receiveWebhook": "/external/webhook",
}


def described() -> set[Given]:
    """Every answer that the operations describe, save those of EVERY."""
    answers: set[Given] = set()
    for route in ALL_ROUTES:
        one = route.operation
        answers |= {(one.id, answer.status, None) for answer in one.answers}
        answers |= {(one.id, problem.status, problem.name) for problem in one.problems}
        answers |= {(one.id, RATE_LIMITED.status, RATE_LIMITED.name)} if one.limited else set()
    return answers


class Trial:
    """Asks services, and collects what they answered. Each answer must be as its operation describes it.

    Where coming back helps, it has to say when: in whole seconds.
    """

    def __init__(self) -> None:
        self.given: set[Given] = set()
        self.every: set[tuple[int, str]] = set()

    async def ask(
        self,
        service: Service,
        operation_id: str,
        target: str = "",
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes = b"",
    ) -> Answer:
        """The answer to one request of an operation."""
        method = next(route.method for route in ALL_ROUTES if route.operation.id == operation_id)
        fields = {"Host": "test", "Connection": "close", "Content-Length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        line = f"{method} {target or TARGETS[operation_id]} HTTP/1.1\r\n"
        answer = await exchange(service.port, f"{line}{head}\r\n".encode() + body)
        if answer.headers.get("Content-Encoding") == "gzip":
            answer = answer._replace(body=gzip.decompress(answer.body))
        self.note(operation_id, answer)
        return answer

    def note(self, operation_id: str, answer: Answer) -> None:
        """Take an answer down, after a look at what the document says of it."""
        responses = operation(operation_id)["responses"]
        assert str(answer.status) in responses, (operation_id, answer)
        assert [] == departures(responses[str(answer.status)], answer.status, answer.headers, answer.body)
        name = None
        if answer.headers.get("Content-Type") == "application/problem+json":
            name = answer.json()["type"].removeprefix("/problems/")
        if answer.status in (429, 503) and name not in (None, NOT_CONFIGURED.name):
            # Many clients cannot read a date, and 0 would invite at once.
            assert re.fullmatch("[1-9][0-9]*", answer.headers["Retry-After"]), (operation_id, answer)
        if (answer.status, name) in EVERY:
            self.every.add((answer.status, str(name)))
        else:
            self.given.add((operation_id, answer.status, name))


def partner_settings(url: str) -> dict[str, str]:
    """The settings that the partner's routes need, with the partner at `url`."""
    return {
        "api_keys": API_KEY,
        "oauth_token_url": f"{url}/oauth/token",
        "oauth_client_id": CLIENT_ID,
        "oauth_client_secret": CLIENT_SECRET,
        "partner_url": url,
        "webhook_secrets": SECRET,
    }


@asynccontextmanager
async def services(folder: Path, url: str, **others: Any) -> AsyncIterator[Service]:
    """A service with everything set, whose partner is at `url`."""
    folder.mkdir()  # noqa: ASYNC240 - at once
    async with serving(settings_for(await catalogue(folder), **{**partner_settings(url), **others})) as service:
        yield service
