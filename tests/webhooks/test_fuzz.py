"""Whatever arrives, nobody is answered 500: signed nonsense, unsigned nonsense, and HTTP's own corners."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.backends import on_every_backend
from tests.support.log_lines import at_level, logged
from tests.support.raw_requests import exchange
from tests.support.service import sqlite_url
from tests.support.webhook_sender import PATH, headers_for, new_id, order, product
from tests.webhooks.webhook_service import WebhookService, webhook_service

_PROOF_CASES = 20_000
_QUICK_CASES = 600

_TYPES = st.sampled_from(["product.upserted", "product.deleted", "order.placed", "order.cancelled", "farm.renamed", ""])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=8,
)
_FIELDS = st.sampled_from([*product(), "stock", "lat", "created_at", "farm", *order("A1"), "type", "data", "timestamp"])
_CHANGED = st.builds(
    lambda base, changes: {**base, **changes},
    st.sampled_from([product(), order("A1"), {"source": "partner", "external_id": "okra-1", "version": 1}]),
    st.dictionaries(_FIELDS, _JSON, max_size=3),
)


def _encoded(event: Any) -> bytes:
    try:
        return orjson.dumps(event)
    except TypeError:  # an integer of more than 64 bits, or a lone surrogate
        return repr(event).encode("utf-8", "replace")


_BODIES = st.one_of(
    st.binary(max_size=200).map(lambda raw: raw.decode("utf-8", "ignore").encode()),
    _JSON.map(_encoded),
    st.builds(
        lambda name, data: _encoded({"type": name, "timestamp": "2026-11-22T10:15:00Z", "data": data}), _TYPES, _CHANGED
    ),
    st.builds(lambda name, data: _encoded({"type": name, "timestamp": data, "data": data}), _TYPES, _JSON),
)
_HEADER_TEXT = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40)


async def _signed(stand: WebhookService, body: bytes) -> int:
    event_id = new_id()
    async with stand.client.post(PATH, data=body, headers=headers_for(event_id, body)) as response:
        await response.read()
        return response.status


async def _unsigned(stand: WebhookService, headers: dict[str, str], body: bytes) -> int:
    async with stand.client.post(PATH, data=body, headers=headers) as response:
        await response.read()
        return response.status


async def _fuzz(url: str, cases: int) -> None:
    bodies: list[bytes] = []
    headers: list[dict[str, str]] = []

    @settings(
        max_examples=cases // 2, database=None, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(
        _BODIES,
        st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "x"]), _HEADER_TEXT),
    )
    def draw(body: bytes, some: dict[str, str]) -> None:
        bodies.append(body)
        headers.append(some)

    draw()
    async with webhook_service(url) as stand:
        await stand.event("product.upserted", product(stock=1000))
        statuses: set[int] = set()
        for body, some in zip(bodies, headers, strict=True):
            statuses |= {await _signed(stand, body), await _unsigned(stand, some, body)}
    assert len(bodies) >= cases // 2
    assert {200, 401, 422} == statuses


@on_every_backend
async def test_no_delivery_is_answered_500(backend_url: str) -> None:
    """600 deliveries drawn by hypothesis, half of them signed, have one of the documented answers."""
    await _fuzz(backend_url, _QUICK_CASES)


@pytest.mark.proof
@pytest.mark.timeout(900)
@on_every_backend
async def test_no_delivery_of_many_is_answered_500(backend_url: str) -> None:
    """The same with 20,000 deliveries."""
    await _fuzz(backend_url, _PROOF_CASES)


@pytest.mark.parametrize(
    ("headers", "body", "statuses"),
    [
        ("Content-Encoding: gzip\r\nContent-Length: 4\r\n", b"nope", {415}),
        ("Content-Encoding: deflate\r\nContent-Length: 4\r\n", b"nope", {415}),
        ("Transfer-Encoding: chunked\r\n", b"zz\r\n", {400}),
        ("Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n", {401}),
        ("Content-Length: 2\r\nwebhook-id: a\r\nwebhook-id: b\r\n", b"{}", {401}),
        (
            "Content-Length: 2\r\nwebhook-id: \xff\r\nwebhook-signature: v1,\xff\r\nwebhook-timestamp: \xb2\r\n",
            b"{}",
            {401, 400},
        ),
    ],
)
async def test_corners_of_http(tmp_path: Path, headers: str, body: bytes, statuses: set[int]) -> None:
    """Broken encodings, lengths and headers are the client's fault."""
    async with webhook_service(sqlite_url(tmp_path)) as stand:
        head = f"POST {PATH} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n".encode("latin-1")
        assert (await exchange(stand.service.port, head + body)).status in statuses


async def test_a_sender_that_goes_away_is_no_error_of_ours(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A body that ends in the middle of it leaves no error in the log."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n{{}}".encode()
    async with webhook_service(sqlite_url(tmp_path)) as stand:
        with logged() as events:
            _, writer = await asyncio.open_connection("127.0.0.1", stand.service.port)
            with closing(writer):
                writer.write(head)
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.1)
        assert [] == at_level(events, "error", "critical")
        assert [] == [record for record in caplog.records if record.levelname == "ERROR"]
