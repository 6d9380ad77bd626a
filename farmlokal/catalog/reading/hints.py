"""What a page says of values that no product has ever had: which there are that may be meant."""

from collections.abc import Mapping, Sequence
from typing import Any

from farmlokal.catalog.question.filter import Filter
from farmlokal.catalog.question.filters import DISTRICT, FARM, STATE
from farmlokal.catalog.question.query import Filters
from farmlokal.catalog.reading.schemas import Hint
from farmlokal.catalog.search.regions import Regions
from farmlokal.database.interface import Database

HINTED = (STATE, DISTRICT, FARM)
"""The filters whose values a product brings into the world. What any other takes is told by its form."""


class Hinting:
    """Makes the hints of a question. regions: what is known of the places in memory, by the name of their filter.

    Memory may be minutes behind: what it does not know, the database is asked for.
    """

    def __init__(self, database: Database, regions: Mapping[str, Regions]) -> None:
        self._database = database
        self._regions = regions

    def __repr__(self) -> str:
        return f"<Hinting {dict(self._regions)!r}>"

    async def of(self, filters: Filters, *, nothing_found: bool) -> list[Hint]:
        """The hints of a listing's question. nothing_found: only then farms are looked for: memory has not all of them.

        Raises DatabaseUnavailable.
        """
        hinted = HINTED if nothing_found else (STATE, DISTRICT)
        return await self._hints({one: values for one in hinted if (values := filters.get(one)) is not None})

    async def hints(self, asked: Mapping[Filter, str | None]) -> list[Hint]:
        """The hints of values by their filters; None where one is not asked for. Raises DatabaseUnavailable."""
        return await self._hints({one: (value,) for one, value in asked.items() if value is not None})

    async def _hints(self, asked: Mapping[Filter, Sequence[Any]]) -> list[Hint]:
        found: list[Hint] = []
        for one, values in asked.items():
            regions = self._regions.get(one.name)
            unknown = [value for value in values if regions is None or value not in regions]
            known = await self._ever(one, unknown) if unknown else ()
            found += [
                {"parameter": one.name, "value": str(value), "near": [] if regions is None else regions.near(value)}
                for value in unknown
                if value not in known
            ]
        return found

    async def _ever(self, one: Filter, values: Sequence[Any]) -> set[Any]:
        """Which of some values a product has or had: a seek for each."""
        if one is FARM:
            seek = "SELECT id FROM farms WHERE id = %s"
        else:
            column, index = one.columns[0].name, one.indexes[0].name
            hint = self._database.dialect.index_hint.format(index)
            seek = f"SELECT {column} FROM products {hint} WHERE live IN (0, 1) AND {column} = %s LIMIT 1"
        seeks = [f"SELECT * FROM ({seek}) AS seek_{number}" for number in range(len(values))]
        return {row[0] for row in await self._database.fetch(" UNION ALL ".join(seeks), values)}
