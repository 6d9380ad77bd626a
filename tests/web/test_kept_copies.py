"""A 5xx in the place of an answer that caches may keep costs none of them its copy."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from farmlokal.catalog.reading.category_counts import CategoryCounts
from farmlokal.catalog.reading.loaders import ProductStore
from farmlokal.catalog.reading.price_history import PriceHistory
from farmlokal.errors import DatabaseUnavailable, StatementTimeout
from farmlokal.web import keys
from farmlokal.web.answers import static_answer
from farmlokal.web.routes import METRICS_ROUTE, ROUTES
from tests.support.kept_connection import ask_kept
from tests.support.products import catalogue
from tests.support.raw_requests import Answer, ask
from tests.support.service import Service, serving, settings_for
from tests.web.answer_trial import API_KEY, TARGETS

FAULTS = [
    (503, DatabaseUnavailable("the database is away")),
    (503, StatementTimeout("the query took too long")),
    (500, KeyError("nobody expected that")),
]
DOCUMENTS = ("showDocument", "showDocs", "showDocsFile", "showProblem")


@pytest.fixture(params=["on", "off"], ids=["hot path", "full path"])
async def service(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    """A service without a partner, over the small catalogue."""
    given = settings_for(await catalogue(tmp_path), hot_path=request.param, api_keys=API_KEY)
    async with serving(given) as running:
        yield running


async def both_methods(service: Service, target: str) -> list[Answer]:
    """The answers to GET and to HEAD."""
    return [await ask_kept(service.port, target, method=method) for method in ("GET", "HEAD")]


async def test_the_catalogue_says_nothing_of_caching_when_it_fails(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the fault was foreseen or not, by GET and by HEAD."""
    for status, fault in FAULTS:

        async def fails(*_: object, fault: Exception = fault) -> None:
            raise fault

        for owner, name in (
            *((ProductStore, "page"), (ProductStore, "product"), (CategoryCounts, "get")),
            *((PriceHistory, "page"), (PriceHistory, "picture")),
        ):
            monkeypatch.setattr(owner, name, fails)
        for target in (
            "/products?limit=9",
            "/products/1",
            "/products/1/prices",
            "/products/1/prices.svg",
            "/categories",
        ):
            for answer in await both_methods(service, target):
                assert (status, False) == (answer.status, "Cache-Control" in answer.headers)


async def test_so_it_is_of_the_documents(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes them ready is ours, and may fail as anything else."""

    def fails(*_: object) -> None:
        raise KeyError("nobody expected that")

    monkeypatch.setattr(static_answer, "select", fails)
    for name in DOCUMENTS:
        for answer in await both_methods(service, TARGETS[name]):
            assert (500, False) == (answer.status, "Cache-Control" in answer.headers)


async def test_so_it_is_below_the_handlers(service: Service) -> None:
    """What fails outside of every middleware is answered by the connection, which goes by the same rule."""
    listeners = service.app[keys.REQUEST_COUNTS].listeners

    def fails(*_: object) -> None:
        listeners.remove(fails)
        raise KeyError("nobody expected that")

    for target, kept in (("/products?limit=9", None), ("/auth/token", "no-store")):
        listeners.append(fails)
        answer = await ask(service.port, target)
        assert (500, kept) == (answer.status, answer.headers.get("Cache-Control"))


async def test_what_nobody_may_keep_says_so_in_its_errors_too(service: Service) -> None:
    """Tokens, syncs and deliveries are `no-store`, whatever their status."""
    sent = f"X-API-Key: {API_KEY}\r\nContent-Length: 0\r\n"
    for method, target in (("GET", "/auth/token"), ("POST", "/external/sync"), ("POST", "/external/webhook")):
        answer = await ask_kept(service.port, target, method=method, headers=sent)
        assert (503, "no-store") == (answer.status, answer.headers["Cache-Control"])


def test_which_routes_are_cacheable() -> None:
    """Those with a validator, and no other."""
    cacheable = {route.path for route in (*ROUTES, METRICS_ROUTE) if route.operation.cacheable}
    expected = {"/", "/products", "/suggest", "/products/{id}", "/categories", "/openapi.json", "/docs", "/docs/{file}"}
    expected |= {"/places", "/farms", "/farms/{id}", "/products/changes", "/products/summary"}
    assert expected | {"/products/{id}/prices", "/products/{id}/prices.svg", "/problems/{name}"} == cacheable


async def test_it_is_what_the_service_goes_by(service: Service) -> None:
    """As it was put together from the routes that it serves."""
    served = service.app[keys.CACHEABLE]
    assert served == {route.path for route in ROUTES if route.operation.cacheable}
