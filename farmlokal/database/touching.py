"""Transactions that change what is cached: their tags are invalidated after the COMMIT, known or not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from farmlokal.database.interface import Database, Session, T
from farmlokal.errors import CommitUnknown

NO_TAGS: frozenset[str] = frozenset()


class Invalidate(Protocol):
    """Invalidates what is cached under the tags that a write touched."""

    async def __call__(self, tags: frozenset[str], *, until: asyncio.Event | None = None) -> None:
        """Return without waiting for other processes.

        until: of a write that may yet take effect: set once it no longer may. What is loaded meanwhile is invalidated
        again and again, a last time when it is set.
        """
        ...


async def commit_touching(
    database: Database, work: Callable[[Session], Awaitable[tuple[T, frozenset[str]]]], invalidate: Invalidate
) -> T:
    """Run `work` in a transaction, then invalidate the tags that it returns beside its result. Returns the result.

    Where the COMMIT is not answered the tags are invalidated all the same, and CommitUnknown is raised.
    """
    touched = NO_TAGS

    async def noting(session: Session) -> T:
        nonlocal touched
        result, touched = await work(session)
        return result

    try:
        result = await database.in_transaction(noting)
    except CommitUnknown as error:
        if touched:
            await invalidate(touched, until=error.settled)
        raise
    if touched:
        await invalidate(touched)
    return result
