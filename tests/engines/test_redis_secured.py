"""A cluster and Sentinels that speak TLS alone and want passwords: one node each, which is all that these need."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import redis.asyncio as redis
from typing_extensions import override

from farmlokal.errors import Unavailable
from tests.caching.opened_tier import opened
from tests.servers.redis_groups import answer_of
from tests.servers.redis_server import TLS_OPTIONS, RedisServer
from tests.support.blocking_wait import wait_until
from tests.support.own_servers import StartRedis
from tests.support.waiting import eventually

PASSWORD, WATCHERS_PASSWORD = "of-the-farm", "of-the-watcher"
MASTER_NAME = "farm"
READY_WITHIN_S = 30


class Watcher(RedisServer):
    """A Sentinel, which alone decides over the master and has its certificates."""

    def __init__(self, master: RedisServer) -> None:
        super().__init__(tls=True)
        self.certificates = master.certificates
        self._master_port = master.port

    @override
    def command(self) -> list[str]:
        """Write the configuration; return the options that name it."""
        assert self.certificates is not None
        tls = [f"{TLS_OPTIONS[kind].removeprefix('--')} {path}" for kind, path in self.certificates.files()]
        lines = (
            *("port 0", f"tls-port {self.port}", "tls-auth-clients no", "tls-replication yes", *tls),
            *("bind 127.0.0.1", f"unixsocket {self.socket_path}", f"dir {self.folder}"),
            f"sentinel monitor {MASTER_NAME} 127.0.0.1 {self._master_port} 1",
            f"sentinel auth-pass {MASTER_NAME} {PASSWORD}",
        )
        path = self.folder / "sentinel.conf"
        path.write_text("\n".join(lines), "utf-8")
        return [str(path), "--sentinel"]


def options_of(server: RedisServer) -> str:
    """The parameter that trusts the server's certificate."""
    return f"ssl_ca_certs={server.ca_path}"


@pytest.mark.parametrize(("password", "works"), [(PASSWORD, True), ("another", False)])
async def test_a_cluster_with_tls_and_a_password(own_redis: StartRedis, password: str, works: bool) -> None:
    """Whoever has both finds the owner of the slot and is served by it; a wrong password is told."""
    node = own_redis(
        "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--tls-cluster", "yes", tls=True
    )
    answer_of(node, "CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    wait_until(lambda: "cluster_state:ok" in answer_of(node, "CLUSTER", "INFO"), READY_WITHIN_S)
    answer_of(node, "CONFIG", "SET", "requirepass", PASSWORD)
    async with left_by_all(node, password=PASSWORD):
        await expect(f"rediss+cluster://:{password}@127.0.0.1:{node.port}?{options_of(node)}", node, works)


@pytest.mark.parametrize(("password", "works"), [(WATCHERS_PASSWORD, True), ("another", False)])
async def test_sentinels_with_tls_and_users(own_redis: StartRedis, password: str, works: bool) -> None:
    """The Sentinels are asked as one user, the master as another, both over TLS; a wrong password is told."""
    master = own_redis("--tls-replication", "yes", tls=True)
    answer_of(master, "CONFIG", "SET", "requirepass", PASSWORD)
    with Watcher(master) as watcher:
        answer_of(watcher, "ACL", "SETUSER", "watcher", "on", f">{WATCHERS_PASSWORD}", "+@all")
        answer_of(watcher, "ACL", "SETUSER", "default", "off")
        parameters = f"sentinel_username=watcher&sentinel_password={password}&{options_of(master)}"
        url = f"rediss+sentinel://:{PASSWORD}@127.0.0.1:{watcher.port}/{MASTER_NAME}?{parameters}"
        async with left_by_all(watcher, username="watcher", password=WATCHERS_PASSWORD):
            await expect(url, master, works)


@asynccontextmanager
async def left_by_all(server: RedisServer, *, username: str | None = None, password: str) -> AsyncIterator[None]:
    """After the block, wait until nobody is connected any more: over TLS it takes two to close a connection."""
    yield
    async with redis.Redis.from_url(server.url(), protocol=2, username=username, password=password) as client:
        await eventually(client.client_list, lambda clients: len(clients) == 1)


async def expect(url: str, server: RedisServer, works: bool) -> None:
    """Open the cache's tier at `url`, which leads to `server`, and use it."""
    async with opened(url, own_url=server.url()) as at:
        if works:
            assert await at.tier.check() is None
            assert await at.tier.store_hot(b"[]")
            assert b"[]" == await at.tier.hot()
        else:
            with pytest.raises(Unavailable, match=r"WRONGPASS|invalid username-password"):
                await at.tier.check()
