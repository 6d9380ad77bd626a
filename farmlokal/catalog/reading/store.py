"""Reading the catalogue."""

from farmlokal.catalog.planning.planner import Planner
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.table import TABLE, QuestionTable
from farmlokal.catalog.reading.rendering import ShownRow
from farmlokal.catalog.reading.statement import page_statement, product_statement
from farmlokal.database.interface import Database


class ProductStore:
    """The reading side of the catalogue on any backend. Raises Unavailable when the database cannot answer.

    table: what may be asked of it.
    """

    def __init__(self, database: Database, table: QuestionTable = TABLE) -> None:
        self._database = database
        self.planner = Planner(database, table)
        self._product_sql = product_statement(database.dialect)

    async def page(self, query: ListingQuery) -> list[ShownRow]:
        """Up to limit + 1 rows of the page that `query` asks for, in the order of the scan."""
        statement = page_statement(query, self._database.dialect, self.planner.plan(query))
        rows = await self._database.fetch_texts(statement.sql, statement.params)
        return [ShownRow(product or b"", sort_value or b"") for product, sort_value in rows]

    async def product(self, product_id: int) -> bytes | None:
        """One live product, as its JSON body."""
        rows = await self._database.fetch_texts(self._product_sql, (product_id,))
        return rows[0][0] if rows else None

    async def category_counts(self) -> dict[str, int]:
        """How many live products each category has. Walks a whole index: background work."""
        hint = self._database.dialect.index_hint.format("products_of_category_by_created_at")
        rows = await self._database.fetch_unlimited(
            f"SELECT category, COUNT(*) FROM products {hint} WHERE live = 1 GROUP BY category"
        )
        return dict(rows)
