"""Why Redis is away: a line in the log and in `/readyz` that an operator can act on, and no secret in it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from farmlokal.errors import Unavailable
from tests.caching.opened_tier import TAGS, opened
from tests.servers.process import free_port
from tests.support.log_lines import at_level, logged
from tests.support.own_servers import StartRedis
from tests.support.products import catalogue
from tests.support.raw_requests import ask
from tests.support.readiness import reported
from tests.support.service import serving, settings_for

SECRET = "not-to-be-shown"
# Longer than an answer takes on a busy machine, and short where there is none.
WAIT_MAX_S, SHORT_WAIT_S = 5.0, 0.5


def nobody_listens(_: StartRedis) -> str:
    """A port that refuses."""
    return f"redis://127.0.0.1:{free_port()}/0"


def wrong_password(start: StartRedis) -> str:
    """A server with another password."""
    return f"redis://:{SECRET}@127.0.0.1:{_port_with_password(start)}/0"


def no_password(start: StartRedis) -> str:
    """A server with a password that the URL lacks."""
    return f"redis://127.0.0.1:{_port_with_password(start)}/0"


def _port_with_password(start: StartRedis) -> int:
    server = start()
    with Redis.from_url(server.url()) as redis:
        redis.config_set("requirepass", f"{SECRET}-of-the-server")
    return server.port


def unknown_authority(start: StartRedis) -> str:
    """A server whose certificate no authority of this machine's signed."""
    return f"rediss://:{SECRET}@127.0.0.1:{start(tls=True).port}/0"


def tls_to_a_plain_port(start: StartRedis) -> str:
    """A server without TLS, and a URL of TLS."""
    return f"rediss://:{SECRET}@127.0.0.1:{start().port}/0"


def plain_to_a_tls_port(start: StartRedis) -> str:
    """A server of TLS, and a URL without."""
    return f"redis://:{SECRET}@127.0.0.1:{start(tls=True).port}/0"


def unknown_host(_: StartRedis) -> str:
    """A name of nobody's."""
    return "redis://nobody.invalid:6379/0"


REASONS = [
    (nobody_listens, "connection refused"),
    (wrong_password, "wrong user or password"),
    (no_password, "a password is wanted"),
    (unknown_authority, "its certificate is not trusted"),
    (tls_to_a_plain_port, "the port speaks no TLS"),
    (plain_to_a_tls_port, "as a port of TLS does"),
    (unknown_host, "the host name is not known"),
]


@pytest.mark.parametrize(("fault", "reason"), REASONS)
async def test_the_line_says_why(own_redis: StartRedis, fault: Callable[[StartRedis], str], reason: str) -> None:
    """Each fault has its own reason, in the one line that is logged, and for whoever checks."""
    url = fault(own_redis)
    with logged() as events:
        async with opened(url, SHORT_WAIT_S if fault is tls_to_a_plain_port else WAIT_MAX_S) as at:
            for _ in range(3):
                assert await at.tier.read("key", TAGS) is None
            with pytest.raises(Unavailable) as told:
                await at.tier.check()
    (line,) = at_level(events, "warning")
    assert "redis is away: answering from memory and the origin" == line["event"]
    assert reason in line["reason"]
    assert reason in str(told.value)
    assert SECRET not in str(events) + str(told.value)


async def test_readyz_says_why(tmp_path: Path, own_redis: StartRedis) -> None:
    """A service with a wrong password is ready, and names the reason."""
    settings = settings_for(await catalogue(tmp_path), redis_url=wrong_password(own_redis))
    async with serving(settings) as service:
        redis = await reported(service.port, "redis", reason="wrong user or password")
        said = (await ask(service.port, "/readyz")).body.decode()
    assert "down" == redis["state"]
    assert redis["reason"].startswith("wrong user or password")
    assert SECRET not in str(redis) + said


@pytest.mark.parametrize("limit", ["off", "default=100/minute"])
async def test_readyz_is_not_up_while_a_script_is_refused(tmp_path: Path, own_redis: StartRedis, limit: str) -> None:
    """Redis answers PING, and does not do what the cache's or the limit's script asks of it: degraded, and why."""
    server = own_redis()
    url = await catalogue(tmp_path)
    settings = settings_for(url, redis_url=f"redis://some:{SECRET}@127.0.0.1:{server.port}/0", rate_limit=limit)
    refused = "-time" if limit != "off" else "-pttl"
    async with opened(server.url()) as at:
        await at.redis.acl_setuser(
            "some",
            enabled=True,
            passwords=[f"+{SECRET}"],
            keys=["*"],
            channels=["*"],
            categories=["+@all"],
            commands=[refused],
        )
    async with serving(settings) as service:
        redis = await reported(service.port, "redis", reason="a right is missing: ")
    assert "degraded" == redis["state"]
