"""What an import deletes afterwards, if asked to: what its file lists no more, and what no file lists any more."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from farmlokal.catalog.imports.market_products import version_of
from farmlokal.catalog.imports.summary import ImportSummary
from farmlokal.catalog.records import MARKET_SOURCE
from farmlokal.catalog.wire import wire_time
from farmlokal.catalog.writing import absent
from farmlokal.catalog.writing.absent import Listed
from farmlokal.catalog.writing.market_files import MarketFiles
from farmlokal.database.interface import Database

_SIGHTING = "import-"
_MOMENT = "%Y%m%dT%H%M%S"
# No import takes as long.
_ABANDONED_AFTER = timedelta(days=7)


class Replaced(NamedTuple):
    """What `--replace` came to.

    deleted: how many products, or would be. refusal: why none are, where they would be too many.
    """

    deleted: int
    refusal: str | None = None


async def turn_of_the_second() -> datetime:
    """Wait for the clock's next whole second, and return it.

    Rows carry the second in which they were written: whatever was there before is then older than what comes.
    """
    now = datetime.now(UTC)
    await asyncio.sleep((1_000_000 - now.microsecond) / 1_000_000)
    return max(datetime.now(UTC), now).replace(microsecond=0)


async def new_sighting(database: Database, began: datetime) -> str:
    """A name for a run's sightings. Those of runs that were killed long before `began` are dropped."""
    abandoned = f"{_SIGHTING}{began - _ABANDONED_AFTER:{_MOMENT}}"
    await absent.forget_between(database, _SIGHTING, abandoned)
    return f"{_SIGHTING}{began:{_MOMENT}}-{uuid.uuid4().hex}"


async def replace(
    database: Database,
    summaries: Sequence[ImportSummary],
    run: str,
    *,
    began: datetime,
    share_max: float,
    only_count: bool = False,
) -> Replaced:
    """Delete what complete imports did not meet, all or nothing.

    A file of market prices speaks for its markets and up to its last day, one of products for its sources; several
    files speak together. run: the name under which the imports' products were remembered. began: when they did, from
    `turn_of_the_second`. share_max: of what is on offer there, from 0 to 1. only_count: delete nothing.
    """
    listed, where = _spoken_for(summaries, database.dialect.time_in(wire_time(began)))
    if not listed:
        return Replaced(0)
    burial = await absent.unseen(database, run, listed)
    if burial.share() > share_max:
        return Replaced(
            0,
            f"nothing was deleted: what was imported lacks {burial.absent} of the {burial.listed} products of {where},"
            f" {burial.share():.0%}, and --max-delete is {share_max:.0%}",
        )
    if only_count:
        return Replaced(burial.absent)
    return Replaced(await absent.bury(database, burial.graves, now=datetime.now(UTC)))


def _spoken_for(summaries: Sequence[ImportSummary], updated_before: str) -> tuple[list[Listed], str]:
    """The products that the files of `summaries` speak for, and the words for where these are."""
    versions: dict[str, int] = {}  # of each market, as of the latest file that covers it
    sources: set[str] = set()
    for summary in summaries:
        if summary.scope is None:
            sources |= summary.sources - {MARKET_SOURCE}
            continue
        for market in summary.scope.markets:
            versions[market] = max(versions.get(market, 0), summary.scope.newest_version)
    listed = absent.of_markets(MARKET_SOURCE, versions)
    listed += [one for source in sorted(sources) for one in absent.of_source(source, updated_before)]
    words = [f"{len(versions)} market{'s' if len(versions) > 1 else ''}"] if versions else []
    return listed, ", ".join(words + sorted(sources))


async def expire(database: Database, days: int, *, only_count: bool = False) -> int:
    """Delete the market products that no file has listed for `days` before the last day that any file told of.

    Returns how many. only_count: delete nothing. The clock does not matter, so that an archive can be imported.
    """
    newest = await MarketFiles(database).newest_day(MARKET_SOURCE)
    if newest is None:
        return 0
    version = version_of(newest, 0) - days * 24 * 3600
    ids = await absent.expired(database, MARKET_SOURCE, version)
    if only_count:
        return len(ids)
    return await absent.bury(database, [absent.Grave(ids, "version < %s", (version,))], now=datetime.now(UTC))
