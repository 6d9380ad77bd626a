"""Two deployments on one Redis, with the same secret key: neither sees anything of the other's.

With different database numbers too, since pub/sub knows none.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from farmlokal.app.command_invalidation import send_invalidation
from farmlokal.database.identity import read_identity
from farmlokal.settings import Settings
from farmlokal.web import keys
from tests.servers import RedisAccess
from tests.support.cache import epoch_of, is_listening
from tests.support.command import developers, farmlokal
from tests.support.products import product
from tests.support.raw_requests import Answer, ask
from tests.support.service import SECRET_KEY, Service, fill, open_database, serving, settings_for, sqlite_url
from tests.support.waiting import until

QUOTA = 1000
# Longer than the time between two reconcilings of a limit.
RECONCILED_S = 0.2


class Deployment(NamedTuple):
    """A service, its settings, and the folder of its catalogue."""

    service: Service
    settings: Settings
    folder: Path

    async def page(self) -> Answer:
        """The first page of the listing."""
        return await ask(self.service.port, "/products?limit=5")

    async def purged(self) -> None:
        """Return once `farmlokal cache purge` has been run for this catalogue, and heard of."""
        before = epoch_of(self.service.app[keys.CACHE])
        environment = developers(self.folder) | {"FARMLOKAL_SECRET_KEY": SECRET_KEY}
        environment |= {"FARMLOKAL_REDIS_URL": str(self.settings.redis_url)}
        done = await asyncio.to_thread(farmlokal, environment, self.folder, "cache", "purge")
        assert (0, "purged everything\n") == (done.returncode, done.stdout)
        await until(lambda: epoch_of(self.service.app[keys.CACHE]) > before)


@asynccontextmanager
async def deployed(folder: Path, redis_url: str, named: str) -> AsyncIterator[Deployment]:
    """A deployment with a catalogue of its own; all its products have the same name."""
    folder.mkdir()  # noqa: ASYNC240 - of a test
    url = sqlite_url(folder)
    await fill(url, [product(number)._replace(name=named) for number in range(1, 10)])
    settings = settings_for(url, redis_url=redis_url, rate_limit=f"default={QUOTA}/hour")
    async with serving(settings) as service:
        await until(lambda: is_listening(service.app[keys.CACHE]) and service.app[keys.LIMITER].shared)
        yield Deployment(service, settings, folder)


@pytest.mark.parametrize("number", [0, 1])
async def test_neither_sees_the_others(tmp_path: Path, redis_server: RedisAccess, number: int) -> None:
    """Pages, purges, notices and limits are each catalogue's own."""
    redis_server.flush(0)
    redis_server.flush(number)
    async with (
        deployed(tmp_path / "one", redis_server.url(0), "Mango") as one,
        deployed(tmp_path / "other", redis_server.url(number), "Onion") as other,
    ):
        # The second one's first answer is its own, though the first one's page is in Redis, under the same cache key.
        for deployment, name in ((one, b"Mango"), (other, b"Onion")):
            answer = await deployment.page()
            assert "farmlokal; fwd=miss; stored" == answer.headers["Cache-Status"]
            assert name in answer.body
            assert await deployment.service.app[keys.CACHE].settle()
        await one.purged()
        assert "farmlokal; hit; ttl=-1" == (await one.page()).headers["Cache-Status"]
        assert (await other.page()).headers["Cache-Status"].endswith("detail=memory")
        await until_fresh(one)
        await notices_do_not_cross(one, other)
        assert [1, 1] == [deployment.service.app[keys.LIMITER].peers for deployment in (one, other)]
        # A client that has used up its quota here has all of it there, however often the two tell Redis of it.
        for _ in range(3):
            await asyncio.sleep(RECONCILED_S)
            while 200 == (await one.page()).status:
                pass  # as many as came free meanwhile
            assert 200 == (await other.page()).status


async def until_fresh(deployment: Deployment) -> None:
    """Wait for the refresh behind the stale answer after a purge."""
    cache = deployment.service.app[keys.CACHE]
    await until(lambda: "in_flight=0" in repr(cache))
    assert (await deployment.page()).headers["Cache-Status"].endswith("detail=memory")


async def notices_do_not_cross(one: Deployment, other: Deployment) -> None:
    """What is invalidated at the one is not heard at the other, which hears of its own invalidation afterwards."""
    cache = other.service.app[keys.CACHE]
    before = epoch_of(cache)
    await one.service.app[keys.CACHE].invalidate({"products"})
    assert await one.service.app[keys.CACHE].settle()
    async with open_database(other.settings.database_url) as database:
        await send_invalidation(other.settings, database, await read_identity(database), {"product/7"})
    await until(lambda: epoch_of(cache) > before)
    assert before + 1 == epoch_of(cache)
    assert (await other.page()).headers["Cache-Status"].endswith("detail=memory")
