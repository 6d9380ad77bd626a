"""One file into the catalogue, batch by batch."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from farmlokal.catalog.imports.aliases import Aliases, load_aliases
from farmlokal.catalog.imports.batches_under_way import BATCHES_AT_ONCE
from farmlokal.catalog.imports.file_run import ChangeStore, FileRun
from farmlokal.catalog.imports.forms.reading_options import ReadOptions
from farmlokal.catalog.imports.inputs import InputFile, file_at
from farmlokal.catalog.imports.market_import import MarketImport, MarketMemory, MarketNotes, prepare
from farmlokal.catalog.imports.market_products import MarketOptions
from farmlokal.catalog.imports.market_rows import Spool
from farmlokal.catalog.imports.markets import Markets, load_markets
from farmlokal.catalog.imports.reading import ImportRows, open_rows
from farmlokal.catalog.imports.reasons import BadRow
from farmlokal.catalog.imports.summary import ImportSummary, Scope
from farmlokal.catalog.records import MARKET_SOURCE
from farmlokal.errors import ImportRefused

_AS_THE_FILE_SAYS = MarketOptions()
_AS_THE_FILE_IS = ReadOptions()


def _ignore(*_: object) -> None:
    pass


async def import_file(
    given: InputFile | Path,
    store: ChangeStore,
    memory: MarketMemory,
    *,
    aliases: Aliases | None = None,
    locations: Path | None = None,
    options: MarketOptions = _AS_THE_FILE_SAYS,
    reading: ReadOptions = _AS_THE_FILE_IS,
    source: str | None = None,
    sighting: str | None = None,
    errors_max: int | None = None,
    batch_rows: int = 1000,
    on_progress: Callable[[int], None] = _ignore,
    on_bad_row: Callable[[BadRow], None] = _ignore,
    on_implausible: Callable[[BadRow], None] = _ignore,
    summary: ImportSummary | None = None,
    now: datetime | None = None,
) -> ImportSummary:
    """Imports a file into `store`. Returns what became of its rows. Importing it again changes nothing.

    `memory` is what the catalogue remembers of market files; `aliases` says which of their names mean the same, by
    default those that ship; `locations` is the portal's market file. `reading` is what an operator says of the file's
    form. `source` stands in where a product of the file
    names none. With more than `errors_max` bad rows, the rest of the file is left alone. After each batch,
    `on_progress` gets the bytes read so far. `on_bad_row` gets each row that cannot be read or that the store rejects,
    batch by batch in the order of the file, `on_implausible` those that land and whose price is out of all proportion.
    `summary` is kept up to date, for whoever wants to know what landed before an error or an interruption. `now`,
    aware, is the clock's time unless it is given: what lies more than a day after it is refused.

    Raises ImportRefused, before any product is written, where the file or `locations` is not what it should be. Batches
    that are being written when the task is cancelled are written to their end, and counted.
    """
    summary = summary or ImportSummary()
    now = now or datetime.now(UTC)
    aliases = aliases or load_aliases()
    markets = Markets(aliases) if locations is None else await asyncio.to_thread(load_markets, locations, aliases)
    with ExitStack() as stack:
        if isinstance(given, Path):
            given = stack.enter_context(file_at(given))
        summary.name = given.name
        run = FileRun(summary, store, sighting, errors_max, on_bad_row, on_implausible)
        rows = stack.enter_context(
            open_rows(
                given,
                source=source,
                now=now,
                options=reading,
                on_unknown=summary.note_unknown,
                on_remark=summary.remarks.append,
            )
        )
        if rows.products is not None:
            await run.add_all(rows.products, lambda: rows.bytes_read, batch_rows, on_progress)
        else:
            if source is not None:
                raise ImportRefused(f"{given.name}: holds market prices, which have a source of their own: no --source")
            of_markets = await _prepared(
                rows, stack.enter_context(Spool()), memory, run, aliases, markets, options, now
            )
            # A product may be known by two names then, and the first row of it counts.
            at_once = 1 if await memory.has_former_identities(MARKET_SOURCE) else BATCHES_AT_ONCE
            await run.add_all(of_markets, lambda: of_markets.bytes_read, batch_rows, on_progress, at_once=at_once)
            if not summary.stopped:
                await of_markets.keep_usual_prices(memory)
                summary.scope = _scope(of_markets)
        if not summary.rows:
            raise ImportRefused(f"{given.name}: holds a header and no rows")
    return summary


async def _prepared(
    rows: ImportRows,
    spool: Spool,
    memory: MarketMemory,
    run: FileRun,
    aliases: Aliases,
    markets: Markets,
    options: MarketOptions,
    now: datetime,
) -> MarketImport:
    notes = MarketNotes(run.summary.note_unknown, run.note_implausible)
    try:
        return await prepare(
            rows, spool, memory, aliases=aliases, markets=markets, options=options, notes=notes, now=now
        )
    except ImportRefused as error:
        raise ImportRefused(f"{run.summary.name}: {error}") from error


def _scope(rows: MarketImport) -> Scope | None:
    products = rows.products
    if products.newest_day is None:
        return None
    return Scope(frozenset(products.covered), products.newest_day, products.newest_version)
