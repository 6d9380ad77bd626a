"""Transactions that change what is cached: their tags are invalidated after the COMMIT, known or not."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from farmlokal.database.interface import Database, Session, T
from farmlokal.database.unheard_tags import leave_in
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


class MayBeLeft(Protocol):
    """An Invalidate that is told as well whether others will find the tags in the database."""

    async def __call__(self, tags: frozenset[str], *, until: asyncio.Event | None = None, left: bool = False) -> None:
        """As Invalidate. left: whether the transaction that touched the tags has left them there."""
        ...


class InvalidateOrLeave:
    """An Invalidate for processes whose word may not reach the others.

    While that is known beforehand the tags are left in the database, in the transaction that touches them: others find
    them as soon as they could see what was written, and also where this process dies at its COMMIT.
    """

    def __init__(self, invalidate: MayBeLeft, unheard: Callable[[], bool]) -> None:
        """unheard: returns whether others are known not to hear now."""
        self._invalidate = invalidate
        self._unheard = unheard

    def __repr__(self) -> str:
        return f"<InvalidateOrLeave unheard={self._unheard()}>"

    async def __call__(self, tags: frozenset[str], *, until: asyncio.Event | None = None) -> None:
        """As Invalidate."""
        await self._invalidate(tags, until=until)

    def before_commit(self, session: Session, tags: frozenset[str]) -> Invalidate:
        """Leave `tags` in the transaction where that is needed. Returns what is to be called after its COMMIT."""
        if not self._unheard():
            return self
        leave_in(session, tags)
        return partial(self._invalidate, left=True)


async def commit_touching(
    database: Database, work: Callable[[Session], Awaitable[tuple[T, frozenset[str]]]], invalidate: Invalidate
) -> T:
    """Run `work` in a transaction, then invalidate the tags that it returns beside its result. Returns the result.

    Where the COMMIT is not answered the tags are invalidated all the same, and CommitUnknown is raised.
    """
    touched, after = NO_TAGS, invalidate

    async def noting(session: Session) -> T:
        nonlocal touched, after
        result, touched = await work(session)
        if touched and isinstance(invalidate, InvalidateOrLeave):
            after = invalidate.before_commit(session, touched)
        return result

    try:
        result = await database.in_transaction(noting)
    except CommitUnknown as error:
        if touched:
            await after(touched, until=error.settled)
        raise
    if touched:
        await after(touched)
    return result
