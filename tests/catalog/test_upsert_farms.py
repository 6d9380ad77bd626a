"""Farms: known by the products that name them, whatever the spelling."""

from itertools import count

from farmlokal.catalog.records import ProductRecord
from tests.catalog.upserting import Writing, record
from tests.support.backends import on_every_backend

pytestmark = on_every_backend

_product_number = count(1)


def at(
    farm: str, district: str | None = "Pune", state: str | None = "Maharashtra", *, source: str = "feed"
) -> ProductRecord:
    """Another product of that farm."""
    return record(f"p{next(_product_number)}", farm=farm, district=district, state=state, source=source)


async def farm_id(write: Writing, product: ProductRecord) -> int | None:
    """The farm of one stored product."""
    return (await write.product(product.external_id, product.source)).farm_id


async def test_spellings_of_one_farm_meet(write: Writing) -> None:
    """Case, spaces and width make no other farm, in one batch or in several; the first spelling is the farm's."""
    first, *others = (
        at("Patil Farm"),
        at("PATIL  FARM"),
        at("patil farm", "PUNE", "maharashtra"),
        at("Patil\N{IDEOGRAPHIC SPACE}\N{FULLWIDTH LATIN SMALL LETTER F}arm"),
    )
    await write(first, others[0])
    await write(*others[1:])
    farm = await farm_id(write, first)
    assert farm is not None
    assert [farm] * len(others) == [await farm_id(write, each) for each in others]
    assert [("Patil Farm",)] == await write.database.fetch("SELECT name FROM farms")
    # A product still shows the name as its own record spells it.
    rows = await write.database.fetch("SELECT farm_name FROM products WHERE external_id = %s", (others[0].external_id,))
    assert [("PATIL  FARM",)] == rows


async def test_another_place_or_source_is_another_farm(write: Writing) -> None:
    """A name in another district or state, with neither, or from another source, is another farm."""
    products = [
        at("Patil Farm"),
        at("Patil Farm", "Nashik"),
        at("Patil Farm", "Pune", "Goa"),
        at("Patil Farm", None, None),
        at("Patil Farm", source="seed"),
        at("Patel Farm"),
        at("Pátil Farm"),
    ]
    await write(*products)
    farms = {await farm_id(write, product) for product in products}
    assert None not in farms
    assert len(products) == len(farms)


async def test_a_farm_keeps_its_id(write: Writing) -> None:
    """A farm's id stays when its products are updated, deleted and come anew; a product may change its farm."""
    product = at("Patil Farm")
    await write(product)
    farm = await farm_id(write, product)
    await write(product._replace(version=2, farm="Rao Farm"))
    assert await farm_id(write, product) not in (farm, None)
    await write(product._replace(version=3, farm=None))
    assert await farm_id(write, product) is None
    await write(product._replace(version=4), record("another", farm="patil farm", district="pune", state="MAHARASHTRA"))
    assert farm == await farm_id(write, product) == (await write.product("another")).farm_id


async def test_names_that_grow_when_folded_stay_apart_or_meet_whole(write: Writing) -> None:
    """A name whose folded form is longer than its column is cut, and a cut that ends in a space is no fault."""
    cut_before_a_space = at("ß" * 49 + "x y" + "z" * 40)
    same_until_the_cut = at("ß" * 49 + "x " + "w" * 40)
    await write(cut_before_a_space, same_until_the_cut, at("ﷺ" * 100, "ﷺ" * 100, "ﷺ" * 100))
    assert await farm_id(write, cut_before_a_space) == await farm_id(write, same_until_the_cut) is not None


async def test_many_farms_in_one_batch(write: Writing) -> None:
    """More farms than one statement asks for are all added, and all found again."""
    products = [at(f"Farm {number}") for number in range(1000)]
    await write(*products)
    assert [(1000, 1000)] == await write.database.fetch("SELECT COUNT(*), COUNT(DISTINCT farm_id) FROM products")
    before = await write.database.fetch("SELECT external_id, farm_id FROM products ORDER BY id")
    await write(*[product._replace(version=2) for product in products])
    assert before == await write.database.fetch("SELECT external_id, farm_id FROM products ORDER BY id")
    assert [(1000,)] == await write.database.fetch("SELECT COUNT(*) FROM farms")
