"""The feed's next pages, fetched and made ready while the one before them is written."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


class PageAhead(Generic[T]):
    """Fetches the page after one while that one is written. A context manager: nothing is under way after it."""

    def __init__(self, fetch: Callable[[str | None, str | None], Coroutine[Any, Any, T]]) -> None:
        """fetch: gives the page of a token (None: the first) of what has changed since a time (None: of everything)."""
        self._fetch = fetch
        self._token: str | None = None
        self._fetching: asyncio.Task[T] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._drop()

    def begin(self, page_token: str, updated_since: str | None) -> None:
        """Begin to fetch the page that will be asked for next. What is wrong with it is raised by `page`."""
        self._token = page_token
        self._fetching = asyncio.create_task(self._fetch(page_token, updated_since), name="sync: the page after")

    async def page(self, page_token: str | None, updated_since: str | None) -> T:
        """Returns the page, fetched ahead where it is the one that was begun. Raises what fetching raises."""
        fetching, self._fetching = self._fetching, None
        if fetching is not None and self._token == page_token:
            return await fetching
        self._fetching = fetching
        await self._drop()
        return await self._fetch(page_token, updated_since)

    async def _drop(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
            self._fetching = None
