"""What an import reads from an http(s) address: a file as it is, or all pages of a resource of the open data portal."""

from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple, Protocol

from yarl import URL

from farmlokal.catalog.imports.portal_pages import next_offset
from farmlokal.errors import ImportRefused, NotConfigured
from farmlokal.partner.outbound.download import DownloadLimits, Sink, download
from farmlokal.partner.outbound.responses import AttemptFailed
from farmlokal.partner.outbound.upstream import SharedSession

# Records of the portal are some 300 bytes each. What is asked for by default; the address may say otherwise.
_PAGE_RECORDS = 1000
_PAGE_BYTES_MAX = 16 * 2**20

OnProgress = Callable[[int, int | None], None]
"""Gets how many bytes came so far, and of how many where that is known."""


class Portal(NamedTuple):
    """The open data portal. url: what addresses of its API begin with. key: the operator's."""

    url: str
    key: str | None

    def serves(self, address: str) -> bool:
        """Whether `address` is one of the portal's, so that it gets the operator's key."""
        asked, own = URL(address), URL(self.url)
        return asked.origin() == own.origin() and asked.path.startswith(own.path)


class Fetched(Sink, Protocol):
    """Where what is fetched goes."""

    written_bytes: int


class Addresses:
    """Fetches addresses over one session. limits: of each download; by default DownloadLimits()."""

    def __init__(self, portal: Portal, limits: DownloadLimits | None = None) -> None:
        self._portal = portal
        self._limits = limits
        self._session = SharedSession()

    def __repr__(self) -> str:
        return f"<Addresses {self._portal.url} {self._session!r}>"

    async def fetch(self, address: str, into: Fetched, on_progress: OnProgress = lambda *_: None) -> None:
        """Write what `address` has to `into`: of the portal's API, every page, one answer after the other.

        Raises ImportRefused where that fails, with the last attempt's reason, and NotConfigured without a key for the
        portal.
        """
        url = URL(address)
        if not self._portal.serves(address):
            await self._download(url, into, on_progress)
            return
        if "api-key" not in url.query:
            if self._portal.key is None:
                raise NotConfigured("FARMLOKAL_PORTAL_KEY")
            url = url.update_query({"api-key": self._portal.key})
        if url.query.get("format", "json") != "json":
            await self._download(url, into, on_progress)
            return
        await self._fetch_pages(url.update_query(format="json"), into, on_progress)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def _fetch_pages(self, url: URL, into: Fetched, on_progress: OnProgress) -> None:
        """Write one answer after the other, each from the record on that follows the last one's."""
        name = shown_address(str(url))
        offset: int | None = _offset(url)
        limit = url.query.get("limit", str(_PAGE_RECORDS))
        while offset is not None:
            page = _Page()
            await self._download(url.update_query(limit=limit, offset=str(offset)), page, lambda *_: None)
            body = page.body.getvalue()
            try:
                offset = next_offset(body, offset)
            except ImportRefused as error:
                raise ImportRefused(f"{name}: {error}") from error
            into.write(body + b"\n")
            on_progress(into.written_bytes, None)

    async def _download(self, url: URL, into: Sink, on_progress: OnProgress) -> None:
        try:
            await download(self._session, url, into, limits=self._limits, on_progress=on_progress)
        except AttemptFailed as failure:
            raise ImportRefused(f"{shown_address(str(url))}: {url.host} {failure}") from None
        except ValueError as error:  # an address that aiohttp cannot make a request of
            raise ImportRefused(f"{shown_address(str(url))}: cannot be asked: {error}") from None


class _Page:
    """A page in memory."""

    def __init__(self) -> None:
        self.body = BytesIO()

    def write(self, chunk: bytes) -> None:
        """Add `chunk`. Raises ImportRefused where the page is too long."""
        self.body.write(chunk)
        if self.body.tell() > _PAGE_BYTES_MAX:
            raise ImportRefused(f"a page of the portal is longer than {_PAGE_BYTES_MAX} bytes: ask for a lower limit")

    def restart(self) -> None:
        """Forget what came."""
        self.body = BytesIO()


def shown_address(address: str) -> str:
    """`address` as it may be shown: without a user, and without the values in its query, which may be secrets."""
    url = URL(address)
    query = "&".join(
        f"{name}=…" if name.lower().endswith(("key", "token")) else f"{name}={value}"
        for name, value in url.query.items()
    )
    return str(url.with_user(None).with_query(None).with_fragment(None)) + (f"?{query}" if query else "")


def _offset(url: URL) -> int:
    text = url.query.get("offset", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ImportRefused(f"{shown_address(str(url))}: offset must be a number, not {text[:40]!r}")
    return int(text)
