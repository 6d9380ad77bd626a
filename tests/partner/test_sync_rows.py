"""What a sync makes of the rows of a feed, on every backend: each kind handled and counted, nothing else touched."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.partner.sync.run import RunState
from tests.partner.feed_server import AS_OF, page, pages_of, row, rows
from tests.partner.syncing import Syncing, counts, syncing
from tests.support.backends import on_every_backend
from tests.support.log_lines import at_level, logged

pytestmark = on_every_backend
LATER = "2026-11-22T11:15:00Z"


@pytest.fixture
async def sync(backend_url: str) -> AsyncIterator[Syncing]:
    """A feed server without rows and an empty catalogue."""
    async with syncing(backend_url) as sync:
        yield sync


async def has(sync: Syncing, *records: ProductRecord) -> None:
    """Bring `records` into the catalogue, an hour ago."""
    await ProductWriter(sync.database).apply(records)
    an_hour_ago = sync.database.dialect.time_in("2026-11-21T10:15:00Z")
    await sync.database.run_script([f"UPDATE products SET updated_at = '{an_hour_ago}'"])


def record(external_id: str, source: str = "partner", version: int = 1) -> ProductRecord:
    """The record that `feed_server.row` describes."""
    return ProductRecord(source, external_id, version, "Okra", "vegetables", 2450, "kg")


async def reasons(sync: Syncing) -> list[tuple[str | None, str]]:
    """The rejected rows of the newest run."""
    ((run_id,),) = await sync.database.fetch("SELECT MAX(id) FROM sync_runs")
    return [
        (one[0], one[1])
        for one in await sync.database.fetch(
            "SELECT external_id, reason FROM sync_rejects WHERE run_id = %s ORDER BY number", (run_id,)
        )
    ]


async def test_pages_become_products(sync: Syncing) -> None:
    """Three pages of new rows are created, and a second walk of them changes nothing."""
    sync.server.pages = pages_of(rows(1100))
    run = await sync(full=True)
    assert ("done", {"fetched": 1100, "created": 1100, "pages": 3}) == (run.state, counts(run))
    assert 1100 == len(await sync.live())
    assert {"fetched": 1100, "unchanged": 1100, "pages": 3} == counts(await sync(full=True))
    assert [] == await sync.database.fetch("SELECT run FROM sightings LIMIT 1")


async def test_empty_feed_is_a_walk(sync: Syncing) -> None:
    """One page without rows is a complete walk."""
    assert {"pages": 1} == counts(await sync())


async def test_every_kind_of_row_is_counted(sync: Syncing) -> None:
    """Malformed, duplicate, contradictory, older, deleted and other sources' rows each go their own way."""
    await has(sync, record("old", version=5), record("gone"), record("same"), record("kept", "mandi"))
    contradiction = row("same", name="Not okra")
    sync.server.pages = pages_of(
        [
            row("new"),
            row("new"),  # twice in one page
            row("old", 4),
            contradiction,
            {"source": "partner", "external_id": "gone", "version": 2, "deleted": True},
            row("never", 3) | {"deleted": True},  # still says what it was
            row("kept", 9, source="mandi"),
            row("priced", price="a lot"),
            row("odd", colour="green"),
            row("unsure", deleted="maybe"),
            "not even an object",
        ]
    )
    run = await sync()
    assert RunState.DONE == run.state
    assert {
        "fetched": 11,
        "created": 1,
        "unchanged": 2,  # the second "new", and the deletion of what never came
        "outdated": 1,
        "deleted": 1,
        "rejected": 6,
        "pages": 1,
    } == counts(run)
    assert [
        ("same", "version 1 is already here with other content"),
        ("kept", "source: must be partner, the feed's own, not 'mandi'"),
        ("priced", "price: must be a number, not 'a lot'"),
        ("odd", "colour: Extra inputs are not permitted, not 'green'"),
        ("unsure", "deleted: must be true or false, not 'maybe'"),
        (None, "record: must be a JSON object, not 'not even an object'"),
    ] == await reasons(sync)
    assert {("partner", "new"), ("partner", "old"), ("partner", "same"), ("mandi", "kept")} == await sync.live()


async def test_row_without_a_source_is_the_feeds(sync: Syncing) -> None:
    """The source may be left out or null; it is the feed's own."""
    bare = row("bare")
    del bare["source"]
    sync.server.pages = pages_of([bare, row("null", source=None)])
    await sync()
    assert {("partner", "bare"), ("partner", "null")} == await sync.live()


async def test_only_touched_tags_are_told(sync: Syncing) -> None:
    """A page's tags are the listing, its changed products, and the categories that they left and entered.

    In its new category a name is a new one.
    """
    await has(sync, record("same"), record("moved"))
    ((moved_id,),) = await sync.database.fetch("SELECT id FROM products WHERE external_id = 'moved'")
    sync.server.pages = pages_of([row("same"), row("moved", 2, category="fruits")])
    await sync()
    assert {"products", f"product/{moved_id}", "category/vegetables", "category/fruits", "names"} == sync.tags.seen
    sync.tags.seen.clear()
    await sync()
    assert set() == sync.tags.seen


async def test_next_run_asks_for_what_changed_since(sync: Syncing) -> None:
    """The `as_of` of the last run that was done, its first page's, is the next one's `updated_since`."""
    sync.server.pages = {"": page(rows(2), "2"), "2": page(rows(2, 3), as_of=LATER)}
    first = await sync()
    assert (None, AS_OF) == (first.updated_since, first.as_of)
    sync.server.pages = pages_of([row("1", 2), {"external_id": "2", "version": 2, "deleted": True}], as_of=LATER)
    second = await sync()
    assert (AS_OF, LATER) == (second.updated_since, second.as_of)
    assert {"page_size": "500", "updated_since": AS_OF} == sync.server.asked[-1]
    assert {"fetched": 2, "updated": 1, "deleted": 1, "pages": 1} == counts(second)
    full = await sync(full=True)
    assert {"page_size": "500"} == sync.server.asked[-1]
    assert LATER == (await sync()).updated_since == full.as_of


async def test_full_run_takes_away_only_what_its_own_source_no_longer_has(sync: Syncing) -> None:
    """What the feed does not show is gone after a full walk; another source's rows never; and it can come back."""
    await has(sync, record("stays"), record("leaves"), record("leaves", "mandi"), record("9", "seed"))
    sync.server.pages = pages_of([row("stays")])
    assert {"fetched": 1, "unchanged": 1, "pages": 1} == counts(await sync())
    run = await sync(full=True)
    assert {"fetched": 1, "unchanged": 1, "deleted": 1, "pages": 1} == counts(run)
    assert {("partner", "stays"), ("mandi", "leaves"), ("seed", "9")} == await sync.live()
    assert "*" in sync.tags.seen
    sync.server.pages = pages_of([row("stays"), row("leaves")])
    assert {"fetched": 2, "unchanged": 1, "created": 1, "pages": 1} == counts(await sync(full=True))


async def test_full_run_of_an_ended_feed_takes_only_the_feeds(sync: Syncing) -> None:
    """A feed that has nothing any more empties its own source and no other."""
    await has(sync, record("1"), record("1", "mandi"))
    assert {"deleted": 1, "pages": 1} == counts(await sync(full=True))
    assert {("mandi", "1")} == await sync.live()


async def test_malformed_row_keeps_its_product(sync: Syncing) -> None:
    """A full walk takes a row that cannot be read for a sign of life of the product that it names."""
    await has(sync, record("broken"), record("leaves"))
    sync.server.pages = pages_of([row("broken", 2, price="a lot")])
    assert {"fetched": 1, "rejected": 1, "deleted": 1, "pages": 1} == counts(await sync(full=True))
    assert {("partner", "broken")} == await sync.live()


async def test_row_of_another_source_keeps_nothing(sync: Syncing) -> None:
    """A row that claims another source says nothing about our product of the same id."""
    await has(sync, record("1"))
    sync.server.pages = pages_of([row("1", source="mandi")])
    assert {"fetched": 1, "rejected": 1, "deleted": 1, "pages": 1} == counts(await sync(full=True))


async def test_row_that_names_nothing_keeps_everything(sync: Syncing) -> None:
    """After a row that may stand for any product a full walk marks nothing gone, and says so."""
    await has(sync, record("leaves"))
    sync.server.pages = pages_of([row("1"), {"price": "1.00"}])
    run = await sync(full=True)
    assert "nothing was marked gone: 1 rejected rows name no product and may stand for any" == run.error
    assert run.error == run.summary(0)["note"]
    assert {("partner", "1"), ("partner", "leaves")} == await sync.live()


async def test_rejects_are_counted_beyond_what_is_kept(sync: Syncing) -> None:
    """A feed of nothing but bad rows is counted to the last; a thousand reasons are kept."""
    sync.server.pages = pages_of(rows(1500, price="a lot"))
    assert {"fetched": 1500, "rejected": 1500, "pages": 3} == counts(await sync())
    kept = await reasons(sync)
    assert (1000, "1000") == (len(kept), kept[-1][0])


LIES: dict[str, dict[str, Any]] = {
    "goes round in circles": {"": page(rows(2), "a"), "a": page(rows(2, 3), "b"), "b": page([], "a")},
    "its own next page": {"": page(rows(2), "a"), "a": page(rows(2, 3), "a")},
    "page too big": {"": page(rows(2), "a"), "a": page(rows(501, 3))},
    "products missing": {"": page(rows(2), "a"), "a": {"as_of": AS_OF, "next_page_token": None}},
    "not an object": {"": page(rows(2), "a"), "a": [1, 2]},
    "no as_of": {"": page(rows(2), "a"), "a": {"products": [], "next_page_token": None}},
    "as_of of a far year": {"": page(rows(2), "a"), "a": page([], as_of="2999-11-22T10:15:00Z")},
}


@pytest.mark.parametrize("pages", LIES.values(), ids=LIES.keys())
async def test_lying_feed_fails_the_run(sync: Syncing, pages: dict[str, Any]) -> None:
    """A feed that lies ends the run with the reason; whole pages stay, nothing is marked gone, `as_of` is not taken."""
    await has(sync, record("before"))
    sync.server.pages = pages
    run = await sync(full=True)
    assert RunState.FAILED == run.state
    assert run.error
    assert {("partner", name) for name in ("before", "1", "2")} <= await sync.live()
    sync.server.pages = pages_of(rows(2))
    again = await sync()
    assert (RunState.DONE, None, 1) == (again.state, again.updated_since, again.pages)
    assert again.run != run.run


async def test_feed_that_never_ends_fails_the_run(sync: Syncing) -> None:
    """Empty pages, each with another token, are not followed for ever."""
    sync.server.answer = lambda query: page([], str(int(query.get("page_token", "0")) + 1))
    run = await sync()
    assert RunState.FAILED == run.state
    assert run.error == "the feed does not end: more than 100 empty pages in a row"


async def test_unknown_categories_are_counted(sync: Syncing) -> None:
    """Rows whose category is not in the list become `other`; the run counts them over its pages, and shows it."""
    sync.server.pages = {
        "": page([row("1", category="moon rocks"), row("2", category="other"), row("3", category="FRUITS")], "b"),
        "b": page([row("4", category="moon rocks"), row("5", category="seeds"), row("6", category="x", price="?")]),
    }
    process = sync.another()
    with logged() as events:
        run = await process.run()
    stored = await process.runs.get(run.run)
    assert stored is not None
    assert 3 == process.unknown_categories
    assert (3, 3) == (run.unknown_categories, stored.summary(0)["unknown_categories"])
    logged_ones = [event["category"] for event in at_level(events, "warning") if "unknown category" in event["event"]]
    assert ["moon rocks", "seeds"] == logged_ones
    other = await sync.database.fetch("SELECT external_id FROM products WHERE category = 'other' ORDER BY external_id")
    assert ["1", "2", "4", "5"] == [one[0] for one in other]


async def test_a_row_of_the_future_is_rejected(sync: Syncing) -> None:
    """More than a day ahead of now; a version is any number, however large."""
    sync.server.pages = pages_of(
        [
            row("near", version=2**62, created_at="2026-11-23T10:15:00Z"),
            row("far", created_at="2026-11-23T10:15:01Z"),
            row("2099", created_at="2099-01-01T00:00:00+05:30"),
        ]
    )
    await sync(now=lambda: datetime(2026, 11, 22, 10, 15, tzinfo=UTC))
    assert {("partner", "near")} == await sync.live()
    detail = "created_at: must not lie more than a day in the future"
    assert [
        ("far", f"{detail}, not '2026-11-23T10:15:01Z'"),
        ("2099", f"{detail}, not '2099-01-01T00:00:00+05:30'"),
    ] == await reasons(sync)


async def test_a_lone_surrogate_costs_its_row_alone(sync: Syncing) -> None:
    """Wherever it stands, in a name, a field, an id: the row is rejected with a reason, the page goes on."""

    async def fetch(_: Mapping[str, str]) -> Any:
        return page(
            [
                row("1", name="a\ud800b"),
                row("2", **{"f\ud800": 1}),
                row("3\ud800"),
                row("4", source="x\ud800"),
                row("5", price="\ud800"),
                row("6", created_at="\ud800"),
                "\ud800",
                row("7"),
            ]
        )

    sync.fetch = fetch
    run = await sync(full=True)
    assert (RunState.DONE, 7, 1) == (run.state, run.rejected, run.created)
    named = [(external_id, reason.partition(":")[0]) for external_id, reason in await reasons(sync)]
    assert [
        ("1", "name"),
        ("2", "record"),
        ("3\\ud800", "external_id"),
        ("4", "source"),
        ("5", "price"),
        ("6", "created_at"),
        (None, "record"),
    ] == named
    assert "U+D800 (a lone surrogate)" in (await reasons(sync))[0][1]


async def test_a_refused_row_names_its_product_in_plain_blanks(sync: Syncing) -> None:
    """A full run keeps the product that a malformed row names, also where its id has an odd blank in one of the two."""
    await has(sync, record("a b"))
    sync.server.pages = pages_of([row("a\u00a0b", 2, price="?")])
    await sync(full=True)
    assert {("partner", "a b")} == await sync.live()
