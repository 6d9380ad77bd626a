"""What clients and operators see while connections to MySQL are forgotten, and while it takes no writes."""

import asyncio

import pytest

from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.web import keys
from tests.support.lateness import within
from tests.support.log_lines import logged
from tests.support.own_servers import StartMariaDB
from tests.support.products import PRODUCTS, product
from tests.support.raw_requests import ask
from tests.support.readiness import reported
from tests.support.service import fill, open_database, serving, settings_for
from tests.support.tcp_proxy import tcp_proxy
from tests.support.waiting import until
from tests.support.webhook_sender import SECRET, deliver
from tests.support.webhook_sender import product as event_product

POOL_SIZE = 4
# Each of these took 3 s (a listing) or 30 s (a webhook) and was a 503.
SOON_S = 2.5


async def test_no_request_is_lost_in_forgotten_connections(own_mariadb: StartMariaDB) -> None:
    """With every idle connection forgotten, listings and webhooks are answered as ever, and soon."""
    server = own_mariadb()
    server.create_database("farm")
    async with open_database(server.url("farm")) as database:
        await ProductWriter(database).apply([product(number) for number in range(1, PRODUCTS + 1)])
    async with tcp_proxy(server.port) as proxy:
        url = server.url("farm").replace(f":{server.port}/", f":{proxy.port}/")
        settings = settings_for(url, database_pool=POOL_SIZE, webhook_secrets=SECRET)
        async with serving(settings) as service:
            for number in range(1, 5):
                assert 200 == (await ask(service.port, f"/products?max_price={number}")).status
                assert proxy.forget() >= 1
                async with within(SOON_S):
                    assert 200 == (await ask(service.port, f"/products?max_price={number}&limit=5")).status
                assert proxy.forget() >= 1
                async with within(SOON_S):
                    answer = await deliver(service.client, "product.upserted", event_product(f"okra-{number}"))
                assert (200, False) == (answer.status, answer.content["duplicate"])


async def test_a_database_that_refuses_writes_says_why(own_mariadb: StartMariaDB) -> None:
    """`/readyz` and the log have the server's reason while it is read-only; the client has no more than a 503."""
    server = own_mariadb()
    server.create_database("farm")
    server.execute("CREATE USER farmer@'%' IDENTIFIED BY 'very-secret'")
    server.execute("GRANT ALL ON farm.* TO farmer@'%'")
    async with open_database(server.url("farm")):
        pass
    url = server.url("farm").replace("root@", "farmer:very-secret@")
    with logged() as events:
        async with serving(settings_for(url, webhook_secrets=SECRET)) as service:
            server.execute("SET GLOBAL read_only = 1")
            answer = await deliver(service.client, "product.upserted", event_product())
            assert (503, "the database takes no writes now") == (answer.status, answer.content["detail"])
            report = await reported(service.port, "database", reason="--read-only")
            assert "degraded" == report["state"]
            server.execute("SET GLOBAL read_only = 0")
            assert 200 == (await deliver(service.client, "product.upserted", event_product())).status
    (line,) = [event for event in events if event["event"] == "the database refuses writes"]
    assert "--read-only" in line["reason"]
    assert "very-secret" not in str(events) + str(report)


async def test_readiness_tells_reads_from_writes(own_mariadb: StartMariaDB) -> None:
    """A server that is read-only is degraded before anybody wrote; one whose tables cannot be read is down."""
    server = own_mariadb()
    server.create_database("farm")
    async with open_database(server.url("farm")):
        pass
    async with serving(settings_for(server.url("farm"))) as service:
        server.execute("SET GLOBAL read_only = 1")
        report = await reported(service.port, "database", reason="read-only")
        assert ("degraded", "it can be read, and takes no writes: it is read-only") == (
            report["state"],
            report["reason"],
        )
        server.execute("SET GLOBAL read_only = 0")
        server.execute("RENAME TABLE schema_version TO taken_away", database="farm")
        assert "down" == (await reported(service.port, "database", reason="ProgrammingError"))["state"]


@pytest.mark.proof
@pytest.mark.parametrize("connected", [True, False])
async def test_an_instance_cut_off_holds_no_other_up(
    own_mariadb: StartMariaDB, redis_url: str, connected: bool
) -> None:
    """A healthy instance answers a page that one without its database began to load, long before that one gives up."""
    server = own_mariadb()
    server.create_database("farm")
    url = server.url("farm")
    await fill(url, [product(number) for number in range(1, PRODUCTS + 1)])
    async with tcp_proxy(server.port) as proxy:
        cut_off_url = url.replace(f":{server.port}/", f":{proxy.port}/")
        limits = {"redis_url": redis_url, "statement_limit_ms": 9000}
        async with (
            serving(settings_for(cut_off_url, **limits)) as cut_off,
            serving(settings_for(url, **limits)) as healthy,
        ):
            assert 200 == (await ask(cut_off.port, "/products?limit=1")).status
            if not connected:
                proxy.cut()
            proxy.swallow()
            counts = cut_off.app[keys.CACHE].counts
            waiting = []
            for number in range(1, 4):
                page = f"/products?max_price={number}"
                waiting.append(asyncio.create_task(ask(cut_off.port, page)))
                await until(lambda number=number: counts.running == number)  # type: ignore[misc]
                assert 200 == (await ask(healthy.port, page)).status
            assert [False] * 3 == [task.done() for task in waiting]
            proxy.pass_on()
            proxy.cut()
            await asyncio.gather(*waiting)
