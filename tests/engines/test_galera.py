"""MariaDB with Galera: three nodes, all of which take writes, and what happens when one is alone."""

from collections.abc import Iterator

import pytest

from farmlokal.errors import DatabaseUnavailable
from tests.engines.increments import EACH, increment_everywhere
from tests.servers.database_groups import GaleraGroup
from tests.support.backends import database_on
from tests.support.products import PRODUCTS, product
from tests.support.raw_requests import ask, problem
from tests.support.service import Service, fill, serving, settings_for
from tests.support.waiting import eventually
from tests.support.webhook_sender import SECRET, deliver
from tests.support.webhook_sender import product as event_product

pytestmark = pytest.mark.proof

# A group takes some seconds to see that it is none, or one again.
GROUP_WAIT_MAX_S = 60


@pytest.fixture(scope="module")
def galera() -> Iterator[GaleraGroup]:
    """Three nodes."""
    with GaleraGroup() as group:
        yield group


async def test_every_transaction_lands_once_whichever_node_takes_it(galera: GaleraGroup) -> None:
    """Nodes that write the same rows undo each other's transactions; run again, each lands, and none twice."""
    found, attempts = await increment_everywhere(galera.members, "increments")
    expected = EACH * len(galera.members)
    assert [(1, expected), (2, expected)] == found
    assert attempts > expected


async def database_report(service: Service) -> dict[str, object]:
    """What `/readyz` says of the database."""
    answer = await ask(service.port, "/readyz")
    assert 200 == answer.status
    report: dict[str, object] = answer.json()["dependencies"]["database"]
    return report


async def test_a_node_without_quorum_is_unavailable_and_comes_back(galera: GaleraGroup) -> None:
    """Alone it signs in, and answers what needs no table; ours is a 503, `/readyz` says down, until they are back."""
    first, *others = galera.members
    first.create_database("farm")
    await fill(first.url("farm"), [product(number) for number in range(1, PRODUCTS + 1)])
    async with (
        serving(settings_for(first.url("farm"), webhook_secrets=SECRET)) as service,
        database_on(first.url("farm")) as database,
    ):
        assert 200 == (await ask(service.port, "/products")).status
        assert "reason" not in await database_report(service)
        try:
            for node in others:
                node.pause()
            report = await eventually(
                lambda: database_report(service), lambda report: "down" == report["state"], GROUP_WAIT_MAX_S
            )
            assert "the database is out of its group now" == report["reason"]
            assert [(1,)] == await database.fetch("SELECT 1")  # the lie of a look that reads no table
            with pytest.raises(DatabaseUnavailable, match="out of its group"):
                await database.fetch("SELECT id FROM products LIMIT 1")
            assert 0 == database.pool_use.idle
            refused = await ask(service.port, "/products?max_price=1")
            problem(refused, 503, "unavailable")
            assert "Retry-After" in refused.headers
            answer = await deliver(service.client, "product.upserted", event_product())
            assert (503, "the database is out of its group now") == (answer.status, answer.content["detail"])
            assert 200 == (await ask(service.port, "/products")).status  # from memory
        finally:
            for node in others:
                node.resume()
        await eventually(lambda: database_report(service), lambda report: "down" != report["state"], GROUP_WAIT_MAX_S)
        assert 200 == (await ask(service.port, "/products?max_price=1")).status
        assert 200 == (await deliver(service.client, "product.upserted", event_product())).status
