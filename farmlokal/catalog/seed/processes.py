"""Seeding with several processes: making and sending rows takes as much of a core as storing them does."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection

from farmlokal.catalog.seed.fill import fill
from farmlokal.catalog.writing.known_farms import KnownFarms
from farmlokal.catalog.writing.rare_collections import collect_rarely
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.address import MySQLAddress
from farmlokal.database.connect import database_at
from farmlokal.errors import DatabaseUnavailable, Unavailable

# The processes take turns, range by range, so that the catalogue grows from its beginning: an interrupted run leaves
# little beyond its first gap.
_RANGE_PRODUCTS = 10_000

_STATEMENT_LIMIT_MS = 60_000  # for SELECTs outside a transaction, of which seeding makes none


async def fill_with_processes(
    address: MySQLAddress, products: int, on_progress: Callable[[int], None], *, processes: int
) -> None:
    """Bring seed products 1 to `products` into the database at `address`; what is there stays as it is.

    on_progress: called with how many are done, all processes together.
    However this ends, the processes have ended too; what they committed stays, and running it again completes it.
    Raises DatabaseUnavailable, and ChildProcessError when a process ended by itself.
    """
    context = get_context("spawn")  # a fork would take our event loop and threads along
    done = [0] * processes

    def advance(share: int, count: int) -> None:
        done[share] = count
        on_progress(sum(done))

    pipes = [context.Pipe(duplex=False) for _ in range(processes)]
    children = [
        context.Process(target=_fill_share, args=(address, products, share, processes, writer), daemon=True)
        for share, (_, writer) in enumerate(pipes)
    ]
    try:
        for child, (_, writer) in zip(children, pipes, strict=True):
            child.start()
            writer.close()  # the child has its own: when that one closes, the child has ended
        await asyncio.gather(*(_follow(reader, partial(advance, share)) for share, (reader, _) in enumerate(pipes)))
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.join()


async def _follow(reader: Connection, advance: Callable[[int], None]) -> None:
    """Receive what a process sends until it is done: numbers are progress, text is a failure, None is the end."""
    with reader:
        while True:
            try:
                message = await asyncio.to_thread(reader.recv)
            except EOFError:
                raise ChildProcessError("a seeding process ended by itself; run the command again to go on") from None
            if message is None:
                return
            if isinstance(message, str):
                raise DatabaseUnavailable(message)
            advance(message)


def _fill_share(address: MySQLAddress, products: int, share: int, processes: int, writer: Connection) -> None:
    """What each process does: every `processes`-th range from number `share` on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too, but it is the parent that ends us
    collect_rarely()
    starts = range(1 + share * _RANGE_PRODUCTS, products + 1, processes * _RANGE_PRODUCTS)
    ranges = [range(start, min(start + _RANGE_PRODUCTS, products + 1)) for start in starts]
    with suppress(BrokenPipeError):  # the parent was killed: nobody wants the rest
        try:
            asyncio.run(_fill_ranges(address, ranges, writer.send))
        except Unavailable as error:
            writer.send(f"{error} ({error.__cause__})" if error.__cause__ else str(error))
        else:
            writer.send(None)


async def _fill_ranges(address: MySQLAddress, ranges: list[range], on_progress: Callable[[int], None]) -> None:
    database = database_at(address, pool_size=1, statement_limit_ms=_STATEMENT_LIMIT_MS)
    try:
        writer = ProductWriter(database, farms=KnownFarms(database))
        before = 0
        for numbers in ranges:
            await fill(writer, numbers, partial(_advance_from, on_progress, before))
            before += len(numbers)
    finally:
        await database.close()


def _advance_from(on_progress: Callable[[int], None], before: int, done: int) -> None:
    on_progress(before + done)
