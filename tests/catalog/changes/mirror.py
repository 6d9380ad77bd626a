"""A mirror of a catalogue: all that a program needs that keeps a copy by `GET /products/changes`."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientSession

Page = dict[str, Any]
Ask = Callable[[str | None], Awaitable[Page | None]]
"""The position, or None to begin → the page behind it; None for a 410."""


class Mirror:
    """A copy of all products on offer, by their ids."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.products: dict[int, dict[str, Any]] = {}
        self.after: str | None = None

    async def catch_up(self) -> None:
        """Take over page after page until there is no further one."""
        while await self.turn():
            pass

    async def turn(self) -> bool:
        """Take over one page. Returns whether there is another already."""
        page = await self._ask(self.after)
        if page is None:
            self.products.clear()
            self.after = None
            return True
        for product in page["data"]:
            if product.get("deleted"):
                self.products.pop(product["id"], None)
            else:
                self.products[product["id"]] = product
        self.after = page["page"]["next_after"]
        return bool(page["page"]["has_more"])


def over_http(client: ClientSession, limit: int = 100) -> Ask:
    """Ask the service that `client` is for."""

    async def ask(after: str | None) -> Page | None:
        params = {"limit": str(limit)} | ({} if after is None else {"after": after})
        async with client.get("/products/changes", params=params) as answer:
            if answer.status == 410:
                return None
            answer.raise_for_status()
            page: Page = await answer.json()
            return page

    return ask
