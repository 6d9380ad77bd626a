"""Whether a partner is as we need it: its token endpoint and the first page of its feed, in plain words."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from yarl import URL

from farmlokal.app.partner import partner_connection, partner_credentials
from farmlokal.catalog.writing.feed_page import read_page
from farmlokal.errors import NotConfigured, PartnerError
from farmlokal.partner.client_auth import ClientAuth
from farmlokal.partner.connection import PartnerConnection, host_of
from farmlokal.partner.outbound.upstream import Outbound, SharedSession
from farmlokal.partner.sync.feed import page_faults, page_query
from farmlokal.partner.token_answer import TokenAnswer
from farmlokal.partner.token_endpoint import REFUSALS, ClientCredentials, TokenEndpoint
from farmlokal.settings import Settings, variable

# What is wrong with the first rows of a page is wrong with the others.
_ROWS_SHOWN_MAX = 20
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class Kind(StrEnum):
    """fits: as we need it. note: it works, and somebody should know. fault: it does not work."""

    FITS = "fits"
    NOTE = "note"
    FAULT = "fault"


class Finding(NamedTuple):
    """One thing that was looked at, in a sentence for people."""

    kind: Kind
    text: str


Find = Callable[[Kind, str], None]


async def check_partner(settings: Settings) -> list[Finding]:
    """Ask the token endpoint and the feed that the settings name. Returns what fits and what does not.

    Nothing is stored. Raises NotConfigured before anything is asked.
    """
    findings: list[Finding] = []

    def find(kind: Kind, text: str) -> None:
        findings.append(Finding(kind, text))

    credentials = partner_credentials(settings)
    if isinstance(credentials, NotConfigured):
        raise credentials
    connection = partner_connection(settings, None)
    try:
        _ = connection.client  # raises NotConfigured
        _look_at_addresses(settings, find)
        if await _check_token(credentials, find):
            await _check_feed(connection, settings, find)
        else:
            find(Kind.NOTE, "the feed was not asked: there is no token")
    finally:
        await connection.close()
    return findings


def _look_at_addresses(settings: Settings, find: Find) -> None:
    for field in ("oauth_token_url", "partner_url"):
        url = URL(getattr(settings, field))
        if url.scheme != "https" and url.host not in _LOCAL_HOSTS:
            find(Kind.NOTE, f"{variable(field)} is http://: what is sent there can be read on its way")


async def _check_token(credentials: ClientCredentials, find: Find) -> bool:
    """Returns whether there is a token."""
    what = f"the token endpoint {host_of(credentials.token_url)}"
    began_s = time.monotonic()
    refused, answer = await _asked(credentials)
    for note in answer.notes:
        find(Kind.NOTE, f"{what}: {note}")
    if answer.grant is None:
        for fault in answer.faults:
            find(Kind.FAULT, f"{what}: {fault}")
        if refused:
            await _try_other_methods(credentials, find)
        return False
    took_ms = round(1000 * (time.monotonic() - began_s))
    lives = f"lives {answer.grant.lifetime_s:.15g} seconds"
    find(Kind.FITS, f"{what} gives a token that {lives}, to a client by {credentials.auth}, in {took_ms} ms")
    return True


async def _try_other_methods(credentials: ClientCredentials, find: Find) -> None:
    for method in ClientAuth:
        if method is not credentials.auth:
            _, answer = await _asked(replace(credentials, auth=method))
            if answer.grant is not None:
                find(
                    Kind.NOTE, f"it gives a token to a client by {method}: set {variable('oauth_client_auth')}={method}"
                )


async def _asked(credentials: ClientCredentials) -> tuple[bool, TokenAnswer]:
    """Returns whether the endpoint refuses the client, and its answer."""
    session = SharedSession()
    try:
        response, answer = await TokenEndpoint(credentials, Outbound(host_of(credentials.token_url), session)).ask()
    except PartnerError as error:
        return False, TokenAnswer(None, (str(error),))
    finally:
        await session.close()
    return response.status in REFUSALS, answer


async def _check_feed(connection: PartnerConnection, settings: Settings, find: Find) -> None:
    what = f"the feed {host_of(settings.partner_url or '')}"
    now = datetime.now(UTC)
    began_s = time.monotonic()
    try:
        page = await connection.client.get_json("/products", page_query(None, None))
    except PartnerError as error:
        find(Kind.FAULT, f"the feed: {error}")
        return
    took_ms = round(1000 * (time.monotonic() - began_s))
    faults = list(page_faults(page, now=now))
    for fault in faults:
        find(Kind.FAULT, f"{what}: {fault}")
    if faults:
        return
    more = "the last one" if page["next_page_token"] is None else "more follow"
    find(Kind.FITS, f"{what} gives a page of {len(page['products'])} products in {took_ms} ms; {more}")
    _check_rows(page["products"], settings.partner_source, now, find)


def _check_rows(rows: list[Any], source: str, now: datetime, find: Find) -> None:
    read = read_page(rows, source=source, now=now)
    for number, refusal in list(read.malformed.items())[:_ROWS_SHOWN_MAX]:
        find(Kind.FAULT, f"row {number + 1} ({refusal.external_id or 'without external_id'}): {refusal.reason}")
    if len(read.malformed) > _ROWS_SHOWN_MAX:
        find(Kind.FAULT, f"{len(read.malformed) - _ROWS_SHOWN_MAX} more rows of the page are malformed")
    if read.changes:
        find(Kind.FITS, f"{len(read.changes)} rows of the page are in order, as products of the source {source}")
    if read.unknown_categories:
        names = ", ".join(sorted(set(read.unknown_categories))[:_ROWS_SHOWN_MAX])
        find(Kind.NOTE, f"{len(read.unknown_categories)} rows name a category that becomes other: {names}")
