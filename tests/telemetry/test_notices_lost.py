"""The log where notices do not arrive: a line of its own where Redis is there, and none where it was away."""

import time

from farmlokal.caching.awaited_loads import AwaitedLoads
from farmlokal.caching.redis.notices import NoticeListener
from farmlokal.caching.tag_history import TagHistory
from tests.support.cache import process
from tests.support.log_lines import logged
from tests.support.own_servers import StartRedis
from tests.support.waiting import eventually

LOST = "no notices arrive: each page is looked up in Redis once a second"


async def test_a_redis_that_comes_back_is_no_loss_of_notices(own_redis: StartRedis) -> None:
    """It is back between the try to listen and the question whether it is away: that is one outage, and no other."""
    redis = own_redis()
    async with process(redis.url(), listening=False) as one:
        listener = NoticeListener(one.tier, TagHistory(), AwaitedLoads(), clock=time.time, name="own")

        async def lost() -> bool:
            await listener._lost(ConnectionError("refused"))
            return one.tier.away

        redis.kill()
        await eventually(lost, bool)
        redis.start()
        with logged() as events:
            await eventually(lost, lambda away: not away)
            assert LOST not in [event["event"] for event in events]
            await lost()
        assert LOST == events[-1]["event"]
