"""What it costs a miss that its load has to have seen the last commit: at a replica, beside one at the writer."""

import asyncio
from collections.abc import Iterator

from tests.bench.causal_times import causal_times
from tests.bench.figures import Figure, in_ms, ratio
from tests.bench.stand import Stand
from tests.engines.replicated_services import fill_catalogue
from tests.servers.database_pairs import MariaDBPair

_WRITER = "a miss at the writer"


def causal(stand: Stand) -> Iterator[Figure]:
    """A miss whose load is made at a replica that is asked how far it has come, beside one at the writer."""
    with MariaDBPair() as pair:
        writer_url = asyncio.run(fill_catalogue(pair.primary, products=stand.options.products))
        pair.let_go()
        urls = (writer_url, pair.replica.url("farm"), stand.redis.url())
        times = stand.run(causal_times, *urls, stand.options.rounds)
    for name, goal, pairs in (
        ("a miss with a causal check", "<= 1.15", [(one.asked, one.writer) for one in times]),
        ("a miss, the replica asked already", None, [(one.asked_already, one.writer) for one in times]),
    ):
        yield ratio(name, pairs, _WRITER, goal=goal, better="smaller", extra=in_ms(pairs))
