"""What an import deletes afterwards, if asked to: what its file lists no more, and what no file lists any more."""

import asyncio
from datetime import UTC, datetime
from typing import NamedTuple

from farmlokal.catalog.imports.importer import ImportSummary
from farmlokal.catalog.imports.market_products import version_of
from farmlokal.catalog.records import MARKET_SOURCE
from farmlokal.catalog.wire import wire_time
from farmlokal.catalog.writing import absent
from farmlokal.catalog.writing.market_files import MarketFiles
from farmlokal.database.interface import Database


class Replaced(NamedTuple):
    """What `--replace` came to. deleted: how many products. refusal: why none were, where too many would have been."""

    deleted: int
    refusal: str | None = None


async def turn_of_the_second() -> datetime:
    """Wait for the clock's next whole second, and return it.

    Rows carry the second in which they were written: whatever was there before is then older than what comes.
    """
    now = datetime.now(UTC)
    await asyncio.sleep((1_000_000 - now.microsecond) / 1_000_000)
    return max(datetime.now(UTC), now).replace(microsecond=0)


async def replace(
    database: Database, summary: ImportSummary, run: str, *, began: datetime, share_max: float
) -> Replaced:
    """Delete what a complete import did not meet, all or nothing.

    A file of market prices speaks for its markets and up to its last day, one of products for its sources. run: the
    name under which the import's products were remembered. began: when it did, from `turn_of_the_second`. share_max:
    of what is on offer there, from 0 to 1.
    """
    updated_before = database.dialect.time_in(wire_time(began))
    if summary.scope is not None:
        listed = absent.of_markets(MARKET_SOURCE, sorted(summary.scope.markets), summary.scope.newest_version)
        where = f"{len(summary.scope.markets)} markets"
    else:
        listed = [one for source in sorted(summary.sources) for one in absent.of_source(source, updated_before)]
        where = ", ".join(sorted(summary.sources))
    if not listed:
        return Replaced(0)
    burial = await absent.unseen(database, run, listed)
    if burial.share() > share_max:
        return Replaced(
            0,
            f"nothing was deleted: the file lacks {len(burial.ids)} of the {burial.listed} products of {where},"
            f" {burial.share():.0%}, and --max-delete is {share_max:.0%}",
        )
    older, older_params = listed[0].older, listed[0].older_params
    return Replaced(await absent.bury(database, burial.ids, older, older_params, now=datetime.now(UTC)))


async def expire(database: Database, days: int) -> int:
    """Delete the market products that no file has listed for `days` before the last day that any file told of.

    Returns how many. The clock does not matter, so that an archive can be imported.
    """
    newest = await MarketFiles(database).newest_day(MARKET_SOURCE)
    if newest is None:
        return 0
    version = version_of(newest, 0) - days * 24 * 3600
    ids = await absent.expired(database, MARKET_SOURCE, version)
    return await absent.bury(database, ids, "version < %s", (version,), now=datetime.now(UTC))
