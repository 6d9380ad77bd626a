"""MariaDB with Galera: three nodes, all of which take writes, and what happens when one is alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from farmlokal.errors import DatabaseUnavailable
from tests.engines.increments import EACH, increment_everywhere
from tests.engines.replicated_services import (
    believe_readers,
    fill_catalogue,
    is_fresh,
    new_page,
    reads_of,
    stock_in,
    two_services,
    until_readers_serve,
    write,
)
from tests.servers.database_groups import GaleraGroup, GaleraNode
from tests.support.backends import database_on
from tests.support.log_lines import logged
from tests.support.products import PRODUCTS, product
from tests.support.raw_requests import ask, problem
from tests.support.readiness import reported
from tests.support.service import fill, serving, settings_for
from tests.support.waiting import eventually
from tests.support.webhook_sender import SECRET, deliver
from tests.support.webhook_sender import product as event_product

pytestmark = pytest.mark.proof

# A group takes some seconds to see that it is none, or one again.
GROUP_WAIT_MAX_S = 60
OUT_OF_GROUP = "the database is out of its group now"


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


@pytest.mark.parametrize("checked", [False, True])
async def test_what_a_late_node_lacks_is_not_called_fresh(
    galera: GaleraGroup, redis_url: str, monkeypatch: pytest.MonkeyPatch, checked: bool
) -> None:
    """A node that applies nothing gives the old page out as fresh, unless it is asked how far it has come."""
    writer, reader, _ = galera.members
    name = f"late_{checked}"
    writer.create_database(name)
    await fill_catalogue(writer, name)
    async with two_services(writer.url(name), [reader.url(name)], redis_url) as (writing, other):
        await write(writing, other)
        await until_readers_serve(writing, other)
        if not checked:
            believe_readers(monkeypatch)
        old = stock_in(await ask(other.port, new_page()))
        with held_back(reader):
            new = await write(writing, other)
            elsewhere = await ask(other.port, new_page())
            assert (new if checked else old, True) == (stock_in(elsewhere), is_fresh(elsewhere))
            assert new == stock_in(await ask(writing.port, new_page())) or not checked
        if checked:
            before = reads_of(other)
            assert before["writer-behind"] > 0

            async def read_there() -> int:
                assert new == stock_in(await ask(other.port, new_page()))
                return reads_of(other)["reader"]

            await eventually(read_there, lambda reads: reads > before["reader"])


@contextmanager
def held_back(node: GaleraNode) -> Iterator[None]:
    """Let a node apply nothing within the block, without holding the others up."""
    node.execute("SET GLOBAL wsrep_desync = 1")
    with node.opened() as holding, holding.cursor() as cursor:
        cursor.execute("FLUSH TABLES WITH READ LOCK")
        yield
        cursor.execute("UNLOCK TABLES")
    node.execute("SET GLOBAL wsrep_desync = 0")


async def test_reads_that_wait_too_long_are_warned_of(galera: GaleraGroup) -> None:
    """Where reads wait for the cluster, no statement limit ends it; a start names the option that does."""
    node = galera.members[0]
    node.create_database("waits")
    await fill(node.url("waits"), [product(1)])
    node.execute("SET GLOBAL wsrep_sync_wait = 1")
    try:
        lines = []
        for timeout in ("PT30S", "PT1S"):
            node.execute(f"SET GLOBAL wsrep_provider_options = 'repl.causal_read_timeout={timeout}'")
            with logged() as events:
                async with serving(settings_for(node.url("waits"))):
                    pass
            lines += [event for event in events if event["event"].startswith("a Galera node may hold reads up")]
        assert [(30.0, 2.0)] == [(line["causal_read_timeout_s"], line["statement_limit_s"]) for line in lines]
    finally:
        node.execute("SET GLOBAL wsrep_sync_wait = 0")


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
        await reported(service.port, "database", state="up")
        try:
            for node in others:
                node.pause()
            report = await reported(service.port, "database", reason=OUT_OF_GROUP, wait_max_s=GROUP_WAIT_MAX_S)
            assert ("down", OUT_OF_GROUP) == (report["state"], report["reason"])
            assert [(1,)] == await database.fetch("SELECT 1")  # the lie of a look that reads no table
            with pytest.raises(DatabaseUnavailable, match="out of its group"):
                await database.fetch("SELECT id FROM products LIMIT 1")
            assert 0 == database.pool_use.idle
            refused = await ask(service.port, "/products?max_price=1")
            problem(refused, 503, "unavailable")
            assert "Retry-After" in refused.headers
            answer = await deliver(service.client, "product.upserted", event_product())
            assert (503, OUT_OF_GROUP) == (answer.status, answer.content["detail"])
            assert 200 == (await ask(service.port, "/products")).status  # from memory
        finally:
            for node in others:
                node.resume()
        await reported(service.port, "database", state="up", wait_max_s=GROUP_WAIT_MAX_S)
        assert 200 == (await ask(service.port, "/products?max_price=1")).status
        assert 200 == (await deliver(service.client, "product.upserted", event_product())).status
