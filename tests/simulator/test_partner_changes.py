"""What the partner's feed says of changed products, and which changes the control route takes."""

from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from tests.simulator.simulated_partner import PRODUCTS, SimulatedPartner, start_partner


@pytest.fixture
async def harness(aiohttp_client: AiohttpClient) -> SimulatedPartner:
    """A partner of its own for each test."""
    return await start_partner(aiohttp_client)


def ids(pages: list[dict[str, Any]]) -> list[str]:
    """The external ids of all rows, in the order they came."""
    return [row["external_id"] for page in pages for row in page["products"]]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2026-11-22T15:45:00+05:30"])
async def test_nothing_changed_since_is_one_empty_page(harness: SimulatedPartner, moment: str) -> None:
    """An incremental walk of an unchanged catalogue ends at once, since whatever moment."""
    page = await harness.fetch(updated_since=moment)
    assert ([], None) == (page["products"], page["next_page_token"])


async def test_updated_since_gives_only_what_changed(harness: SimulatedPartner) -> None:
    """The next run asks since this run's `as_of` and gets the changed rows alone, with raised versions."""
    whole = await harness.walk()
    before = {row["external_id"]: row for page in whole for row in page["products"]}
    harness.clock.now_s += 30
    for external_id in ("9", "1234", "2"):
        await harness.change(external_id=external_id, price="31.00")
    pages = await harness.walk(updated_since=whole[-1]["as_of"], page_size=2)
    assert ["2", "9", "1234"] == ids(pages)
    for page in pages:
        for row in page["products"]:
            expected = before[row["external_id"]]
            assert expected | {"price": "31.00", "version": expected["version"] + 1} == row


async def test_change_in_the_second_of_as_of_is_not_lost(harness: SimulatedPartner) -> None:
    """A row changed later in the very second that a walk called `as_of` belongs to the next run."""
    as_of = (await harness.fetch())["as_of"]
    harness.clock.now_s += 0.9
    await harness.change(external_id="5", stock=3)
    assert ["5"] == ids(await harness.walk(updated_since=as_of))
    assert ["5"] == ids(await harness.walk(updated_since=as_of.replace("Z", ".950Z")))
    harness.clock.now_s += 0.1
    assert [] == ids(await harness.walk(updated_since=(await harness.fetch())["as_of"]))


async def test_as_of_is_when_the_walk_began(harness: SimulatedPartner) -> None:
    """A row that changes behind a walk still under way is part of the run after it."""
    first = await harness.fetch(page_size=1000)
    harness.clock.now_s += 10
    await harness.change(external_id="1", price="1.00")
    last = await harness.fetch(page_size=1000, page_token=first["next_page_token"])
    assert first["as_of"] == last["as_of"]
    assert ["1"] == ids(await harness.walk(updated_since=last["as_of"]))


async def test_whole_walk_shows_changed_rows_in_place(harness: SimulatedPartner) -> None:
    """A changed row replaces its seeded one, where that stood."""
    changed = await harness.change(external_id="3", name="Heirloom Tomato", category="vegetables")
    page = await harness.fetch(page_size=3)
    assert changed == page["products"][2]
    assert "Heirloom Tomato" == changed["name"]


async def test_deleted_row_is_told_once_and_gone_from_the_whole(harness: SimulatedPartner) -> None:
    """An incremental walk says that a row is deleted, a whole walk leaves it out, and a change brings it back."""
    seeded = (await harness.fetch(page_size=2))["products"][1]
    deleted = await harness.change(external_id="2", deleted=True)
    version = seeded["version"]
    assert {"source": "partner", "external_id": "2", "version": version + 1, "deleted": True} == deleted
    assert [deleted] == (await harness.fetch(updated_since="2026-11-22T10:15:00Z"))["products"]
    assert PRODUCTS - 1 == len(ids(await harness.walk()))
    assert seeded | {"price": "2.00", "version": version + 2} == await harness.change(external_id="2", price="2.00")
    assert PRODUCTS == len(ids(await harness.walk()))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b"{"),
        (400, b"[]"),
        (400, b"{}"),
        (400, b'{"external_id": 7}'),
        (400, b'{"external_id": "7", "price": "-1"}'),
        (400, b'{"external_id": "7", "colour": "red"}'),
        (400, b'{"external_id": "7", "version": 1}'),
        (400, b'{"external_id": "7", "deleted": "yes"}'),
        (404, b'{"external_id": "0"}'),
        (404, b'{"external_id": "007"}'),
        (404, b'{"external_id": "1235"}'),
        (404, b'{"external_id": "' + b"9" * 5000 + b'"}'),
    ],
)
async def test_impossible_changes_are_refused(harness: SimulatedPartner, status: int, body: bytes) -> None:
    """A change that would break the wire format, or of no product, is refused and leaves nothing behind."""
    async with harness.client.post("/control/products", data=body) as response:
        assert status == response.status
    assert {"total": PRODUCTS, "changed": 0} == (await harness.stats())["products"]
