"""One delivery at a time, through the route, on each backend: what is answered, what is kept, what changes."""

import gzip
import time
from datetime import UTC, datetime, timedelta

import pytest

from farmlokal.formats.webhook_secrets import key_of
from farmlokal.web import keys
from farmlokal.webhooks.signature import sign
from tests.support.backends import on_every_backend
from tests.support.service import open_database, serving, settings_for
from tests.support.webhook_sender import OLD_SECRET, SECRET, body_of, deliver, headers_for, new_id, order, post, product
from tests.webhooks.inbox_view import inbox_of, stock_of
from tests.webhooks.webhook_service import webhook_service

pytestmark = on_every_backend
BODY_BYTES_MAX = 256 * 1024


async def test_a_product_comes_changes_and_goes(backend_url: str) -> None:
    """Each event shows in the listing at once, on the process that answered it."""
    async with webhook_service(backend_url) as stand:
        assert [] == await stand.listed()
        assert (200, False, "created") == await stand.event("product.upserted", product(version=1))
        assert ["24.50"] == [row["price"] for row in await stand.listed()]
        assert (200, False, "updated") == await stand.event("product.upserted", product(version=2, price="31.00"))
        (row,) = await stand.listed()
        assert "31.00" == row["price"]
        gone = {"source": "partner", "external_id": "okra-1", "version": 3}
        assert (200, False, "deleted") == await stand.event("product.deleted", gone)
        assert [] == await stand.listed()
        async with stand.client.get(f"/products/{row['id']}") as response:
            assert 404 == response.status


async def test_a_category_change_reaches_both_pages(backend_url: str) -> None:
    """The page of the category that a product left is as new as the one of that it came to."""
    async with webhook_service(backend_url) as stand:
        await stand.event("product.upserted", product(version=1))

        async def in_category(name: str) -> int:
            async with stand.client.get(f"/products?category={name}") as response:
                return len((await response.json())["data"])

        assert (1, 0) == (await in_category("vegetables"), await in_category("fruits"))
        await stand.event("product.upserted", product(version=2, category="fruits"))
        assert (0, 1) == (await in_category("vegetables"), await in_category("fruits"))


async def test_a_duplicate_has_no_second_effect(backend_url: str) -> None:
    """The same id and body again, however often: 200, marked, counted, and the stock moved once."""
    async with webhook_service(backend_url) as stand:
        await stand.event("product.upserted", product(stock=10))
        placed = new_id()
        assert (200, False, "placed") == await stand.event("order.placed", order("A1", 3), event_id=placed)
        for _ in range(3):
            assert (200, True, "placed") == await stand.event("order.placed", order("A1", 3), event_id=placed)
        assert 7 == await stock_of(stand.database)
        (row,) = [row for row in await inbox_of(stand.database) if row.event_id == placed]
        assert ("done", 4, 0) == (row.state, row.attempts, row.has_body)


async def test_a_duplicate_sends_the_invalidation_again(backend_url: str) -> None:
    """Every tag that the event touched, the category that it left included: the first receiver may have died."""
    async with webhook_service(backend_url) as stand:
        await stand.event("product.upserted", product(version=1))
        told: list[frozenset[str]] = []

        async def tell(tags: frozenset[str], **_: object) -> None:
            told.append(tags)

        stand.service.app[keys.RECEIVER]._invalidate = tell
        event_id = new_id()
        for _ in range(2):
            await stand.event("product.upserted", product(version=2, category="fruits"), event_id=event_id)
        assert told[0] == told[1]
        assert {"products", "category/vegetables", "category/fruits"} < told[0]


async def test_another_body_under_a_known_id_is_a_conflict(backend_url: str) -> None:
    """409, nothing changes, and the first one's redelivery still is a duplicate."""
    async with webhook_service(backend_url) as stand:
        event_id = new_id()
        await stand.event("product.upserted", product(stock=5), event_id=event_id)
        for _ in range(2):
            conflict = await stand.event("product.upserted", product(stock=6), event_id=event_id)
            assert (409, None, "/problems/event-conflict") == conflict
        assert (200, True, "created") == await stand.event("product.upserted", product(stock=5), event_id=event_id)
        assert 5 == await stock_of(stand.database)
        assert [2] == [row.attempts for row in await inbox_of(stand.database)]


async def test_an_older_version_is_done_without_effect(backend_url: str) -> None:
    """Outdated and unchanged events are accepted, recorded and counted as such."""
    async with webhook_service(backend_url) as stand:
        await stand.event("product.upserted", product(version=5))
        assert (200, False, "outdated") == await stand.event("product.upserted", product(version=4, price="1"))
        gone = {"source": "partner", "external_id": "okra-1", "version": 3}
        assert (200, False, "outdated") == await stand.event("product.deleted", gone)
        assert (200, False, "unchanged") == await stand.event("product.upserted", product(version=5))
        assert ["24.50"] == [row["price"] for row in await stand.listed()]
        assert {"created": 1, "outdated": 2, "unchanged": 1} == dict(stand.service.app[keys.RECEIVER].tally)


async def test_an_unknown_type_is_recorded_and_ignored(backend_url: str) -> None:
    """It is not retried for ever, whatever it says."""
    async with webhook_service(backend_url) as stand:
        event_id = new_id()
        for duplicate in (False, True):
            assert (200, duplicate, "ignored") == await stand.event("farm.renamed", [1], event_id=event_id)
        (row,) = await inbox_of(stand.database)
        assert ("farm.renamed", "done", "ignored") == (row.type, row.state, row.effect)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'"\\ud800"', "not JSON, which must not hold U+D800 (a lone surrogate)"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "an event's type"),
        (b'{"type": 7}', "an event's type"),
        (b'{"type": ""}', "an event's type"),
        (b'{"type": "%s"}' % (b"x" * 65), "an event's type"),
        (b'{"type": "product.upserted", "data": {}}', "timestamp: Field required"),
        (b'{"type": "product.upserted", "timestamp": "2026-11-22T10:15:00Z"}', "data: Field required"),
        (b'{"type": "product.upserted", "timestamp": "2026-11-22T10:15:00", "data": {}}', "timestamp"),
        (body_of("product.upserted", {}), "external_id"),
        (body_of("product.upserted", product(colour="green")), "colour"),
        (body_of("product.upserted", product(price="1e5")), "must be a number"),
        (body_of("product.deleted", product()), "name"),
        (body_of("order.placed", {**order("A1"), "quantity": 0}), "quantity"),
        (body_of("order.placed", {**order("A1"), "quantity": "1"}), "quantity"),
        (body_of("order.placed", {**order("A1"), "quantity": 2**31}), "quantity"),
        (body_of("order.placed", {**order("A1"), "note": "x"}), "note"),
        (body_of("order.placed", order("A1\u0000")), "order_id: must not hold U+0000 (a control character)"),
        (body_of("order.cancelled", {"order_id": "A1"}), "source"),
        (body_of("order.placed", order("A1", external_id="nowhere")), "no product"),
    ],
)
async def test_impossible_content_is_dead(backend_url: str, body: bytes, reason: str) -> None:
    """422 with the reason, kept with the body; its redelivery gets the same and makes no second row."""
    async with webhook_service(backend_url) as stand:
        headers = headers_for(new_id(), body)
        first = await post(stand.client, body, headers)
        again = await post(stand.client, body, headers)
        assert (422, 422) == (first.status, again.status)
        assert reason in first.content["detail"]
        assert first.content["detail"] == again.content["detail"]
        assert "/problems/event-dead" == first.content["type"]
        (row,) = await inbox_of(stand.database)
        assert ("dead", "none", 2, 1) == (row.state, row.effect, row.attempts, row.has_body)


async def test_one_version_with_two_contents_is_dead(backend_url: str) -> None:
    """What the catalogue rejects is kept with its reason."""
    async with webhook_service(backend_url) as stand:
        await stand.event("product.upserted", product(version=1))
        answer = await deliver(stand.client, "product.upserted", product(version=1, price="1.00"))
        assert (422, "version 1 is already here with other content") == (answer.status, answer.content["detail"])


async def test_bytes_that_are_no_text_are_dead(backend_url: str) -> None:
    """A signed body that is not UTF-8 is as impossible as one that is not JSON."""
    async with webhook_service(backend_url) as stand:
        body = b'{"type": "\xff"}'
        event_id, now_s = new_id(), int(time.time())
        signature = sign(key_of(SECRET), event_id, now_s, body)  # the library signs text only
        headers = {"webhook-id": event_id, "webhook-timestamp": str(now_s), "webhook-signature": signature}
        assert 422 == (await post(stand.client, body, headers)).status


async def test_replays_days_later_are_duplicates(backend_url: str) -> None:
    """4 minutes, 74 hours and 6 days later, signed anew or not: no second effect."""
    async with webhook_service(backend_url) as stand:
        await stand.event("product.upserted", product(stock=10))
        start = datetime.now(UTC)
        now = [start]
        stand.service.app[keys.VERIFIER]._clock = lambda: now[0].timestamp()
        stand.service.app[keys.RECEIVER]._inbox._now = lambda: now[0]
        event_id, body = new_id(), body_of("order.placed", order("A1", 3))
        first = headers_for(event_id, body, at_s=start.timestamp())
        assert 200 == (await post(stand.client, body, first)).status
        for later, status_as_it_was in (
            (timedelta(minutes=4), 200),
            (timedelta(hours=74), 401),
            (timedelta(days=6), 401),
        ):
            now[0] = start + later
            assert status_as_it_was == (await post(stand.client, body, first)).status
            answer = await post(stand.client, body, headers_for(event_id, body, at_s=now[0].timestamp()))
            assert (200, True) == (answer.status, answer.content["duplicate"])
        assert 7 == await stock_of(stand.database)


async def test_what_is_not_signed_costs_no_connection(backend_url: str) -> None:
    """Missing headers one by one, tampering, an old moment, a long body: refused before the database is asked."""
    async with webhook_service(backend_url) as stand:

        async def never(*_: object) -> None:
            raise AssertionError("the receiver was asked")

        stand.service.app[keys.RECEIVER].receive = never  # type: ignore[method-assign, assignment]
        body = body_of("order.placed", order("A1"))
        good = headers_for(new_id(), body)
        for name in good:
            without = {key: value for key, value in good.items() if key != name}
            assert 401 == (await post(stand.client, body, without)).status, name
        for changed in ({"webhook-id": "msg_x"}, {"webhook-timestamp": "1"}, {"webhook-signature": "v1,AAAA"}):
            assert 401 == (await post(stand.client, body, good | changed)).status, changed
        refused = await post(stand.client, body + b" ", good)
        assert (401, "/problems/signature-refused") == (refused.status, refused.content["type"])
        assert 401 == (await post(stand.client, body, headers_for("msg_1", body, at_s=1e9))).status
        long = b" " * (BODY_BYTES_MAX + 1)
        assert 413 == (await post(stand.client, long, headers_for("msg_1", long))).status
        assert [] == await inbox_of(stand.database)


@pytest.mark.parametrize("coding", ["gzip", "br", "x-ours", "identity, gzip", "gzip2"])
async def test_a_coded_body_is_not_taken(backend_url: str, coding: str) -> None:
    """415 that says why, whatever the body is; the id is not used up, and the connection goes on."""
    async with webhook_service(backend_url) as stand:
        body = body_of("product.upserted", product())
        headers = headers_for("msg_1", body)
        for content in (gzip.compress(body), body):
            answer = await post(stand.client, content, {**headers, "Content-Encoding": coding})
            assert (415, "/problems/unsupported-media-type") == (answer.status, answer.content["type"])
        assert [] == await inbox_of(stand.database)
        answer = await post(stand.client, body, {**headers, "Content-Encoding": "Identity"})
        assert (200, False) == (answer.status, answer.content["duplicate"])


async def test_the_names_from_before_the_specification(backend_url: str) -> None:
    """svix-id and its like count where no webhook- header is there at all, and only then."""
    async with webhook_service(backend_url) as stand:
        body = body_of("product.upserted", product())
        ours = headers_for("msg_1", body)
        old = {name.replace("webhook-", "svix-"): value for name, value in ours.items()}
        for name in ours:
            refused = await post(stand.client, body, {**old, name: ours[name]})
            assert 401 == refused.status
            assert refused.content["detail"].startswith("webhook-")
        refused = await post(stand.client, body, {**old, "svix-id": "msg_2"})
        assert (401, "svix-signature") == (refused.status, refused.content["detail"].partition(" ")[0])
        assert 200 == (await post(stand.client, body, old)).status
        assert (await post(stand.client, body, ours)).content["duplicate"]


async def test_a_delivery_without_its_body_is_refused_and_may_come_again(backend_url: str) -> None:
    """Senders that repeat what they could read once send the headers and no body: 401, and the id is not used up."""
    async with webhook_service(backend_url) as stand:
        body = body_of("product.upserted", product())
        headers = headers_for("msg_1", body)
        refused = await post(stand.client, b"", headers)
        assert (401, "/problems/signature-refused") == (refused.status, refused.content["type"])
        assert ([], []) == (await inbox_of(stand.database), await stand.listed())
        whole = await post(stand.client, body, headers)
        assert (200, False) == (whole.status, whole.content["duplicate"])


async def test_the_longest_body_is_taken(backend_url: str) -> None:
    """256 KiB to the byte are read, verified and answered on their content."""
    async with webhook_service(backend_url) as stand:
        body = b" " * BODY_BYTES_MAX
        assert 422 == (await post(stand.client, body, headers_for(new_id(), body))).status


async def test_both_secrets_are_good_during_a_rotation(backend_url: str) -> None:
    """A delivery signed by the old secret takes effect; another secret's does not."""
    async with webhook_service(backend_url) as stand:
        body = body_of("product.upserted", product())
        stranger = "whsec_" + "eCBzdHJhbmdlcidzIHNlY3JldCwgbm90IG91cnM="
        assert 200 == (await post(stand.client, body, headers_for(new_id(), body, secret=OLD_SECRET))).status
        assert 401 == (await post(stand.client, body, headers_for(new_id(), body, secret=stranger))).status


async def test_without_secrets_the_route_says_what_is_missing(backend_url: str) -> None:
    """503 with the variable's name."""
    async with open_database(backend_url), serving(settings_for(backend_url)) as service:
        answer = await deliver(service.client, "product.upserted", product())
        assert (503, "FARMLOKAL_WEBHOOK_SECRETS is not set") == (answer.status, answer.content["detail"])
