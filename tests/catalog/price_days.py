"""Price histories for tests: a product, and days of it."""

from collections.abc import Sequence
from datetime import date

from farmlokal.catalog.question.prices import day_number
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.writing.price_days import PriceDay, keep_days
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database, Session

TOMATO = ProductRecord(
    "test", "tomato", 1, "Tomato <Hybrid> & Co", "vegetables", 2450, "kg", market="Pimpri", district="Pune"
)


def told(day: str, modal_paise: int, lowest: int | None = None, highest: int | None = None, **others: str) -> PriceDay:
    """What a file tells of a day, of a product that is still to be named."""
    return PriceDay(
        0, day_number(date.fromisoformat(day)), 1, 1, others.get("unit", "kg"), lowest, modal_paise, highest
    )


async def priced_product(database: Database, days: Sequence[PriceDay]) -> int:
    """The id of a new product with those days."""
    await ProductWriter(database).apply([TOMATO])
    ((product_id,),) = await database.fetch("SELECT id FROM products WHERE external_id = 'tomato'")

    async def work(session: Session) -> None:
        await keep_days(session, [one._replace(product_id=product_id) for one in days], known=set())

    await database.in_transaction(work)
    return int(product_id)
