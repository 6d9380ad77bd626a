"""Making derived columns anew where the release before wrote a product without them.

`derived_version` is the version of the product that its derived columns were made from, so a row shows whether they are
its own. A version is as good as a digest there, and a quarter of its size: nothing that a source says of a product
changes without it (`versions.decide`).
"""

from functools import partial

import orjson

from farmlokal.catalog.tags import touched
from farmlokal.catalog.writing.derived import DERIVED_COLUMNS, MADE_FROM, Deriving, derived_values
from farmlokal.catalog.writing.name_units import fill_units
from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import Database, Session, Statements
from farmlokal.database.migrations.migration import Batches
from farmlokal.database.schema import stored_version
from farmlokal.database.touching import Invalidate, commit_touching
from farmlokal.resilience.repeating import every
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

_FIND = (
    f"SELECT id, version, category, {', '.join(MADE_FROM)} FROM products"
    " WHERE id > %s AND id <= %s AND live = 1 AND (derived_version IS NULL OR derived_version <> version)"
)
# One statement for a whole batch, of the rows as JSON lists. A product that was written again meanwhile has another
# version by now, and is left alone.
_SENT = ("id", "version", *DERIVED_COLUMNS)
_MYSQL_SENT = ", ".join(f"{column} BIGINT PATH '$[{place}]'" for place, column in enumerate(_SENT))
_SQLITE_SENT = ", ".join(f"json_extract(value, '$[{place}]') AS {column}" for place, column in enumerate(_SENT))
_MEND = {
    "mysql": f"UPDATE JSON_TABLE(%s, '$[*]' COLUMNS ({_MYSQL_SENT})) AS made"
    " STRAIGHT_JOIN products ON products.id = made.id AND products.version = made.version"
    f" SET {''.join(f'products.{column} = made.{column}, ' for column in DERIVED_COLUMNS)}"
    "products.derived_version = made.version",
    "sqlite": f"UPDATE products SET {''.join(f'{column} = made.{column}, ' for column in DERIVED_COLUMNS)}"
    f"derived_version = made.version FROM (SELECT {_SQLITE_SENT} FROM json_each(%s)) AS made"
    " WHERE products.id = made.id AND products.version = made.version",
}


async def mend(statements: Statements, dialect: Dialect, after_id: int, last_id: int) -> set[str]:
    """Make the derived columns of the products with ids above one and up to another, where they are not their own.

    Returns the cache tags that it touched.
    """
    rows = await statements.fetch(_FIND, (after_id, last_id))
    if not rows:
        return set()
    # Units are filled in by themselves, when there is a place for them.
    deriving = Deriving(statements, dialect, set(), keep_units=False)
    derived = await derived_values(deriving, [row[3:] for row in rows])
    sent = [[*row[:2], *values] for row, values in zip(rows, derived, strict=True)]
    await statements.execute(_MEND[dialect.name], (orjson.dumps(sent).decode(),))
    return deriving.tags.union(*(touched(product_id, [category]) for product_id, _, category, *_ in rows))


BATCHES: Batches = {"products.derived": mend, "name_units.filled": fill_units}
"""What the sweeps of the migrations do."""

# A database of this version has been left by every release that writes products without their derived columns; and
# without the units of their names.
_SINCE_VERSION, _UNITS_SINCE_VERSION = 3, 5
# Between two passes over the catalogue, in which the release before may write. A pass without a find takes about a
# second of the database for a million products.
_INTERVAL_S = 60
_BATCH_ROWS = 2000


class Mending:
    """Mends, beside a release that writes products without derived columns, until the upgrade is finished.

    complete: whether every product had its own derived columns at some time since the process began. units_complete:
    whether every name had the units of its products.
    """

    def __init__(self, database: Database, invalidate: Invalidate) -> None:
        """invalidate: called with the cache tags of what was mended."""
        self._database = database
        self._invalidate = invalidate
        self.complete = self.units_complete = False

    def __repr__(self) -> str:
        return f"<Mending complete={self.complete}>"

    async def needed(self) -> bool:
        """Whether a release may be at work that leaves something out of these. Raises DatabaseUnavailable."""
        stored = await stored_version(self._database)
        version = 0 if stored is None else stored.version
        self.complete = self.complete or version >= _SINCE_VERSION
        self.units_complete = self.units_complete or version >= _UNITS_SINCE_VERSION
        return version < max(_SINCE_VERSION, _UNITS_SINCE_VERSION)

    async def keep(self) -> None:
        """Mend again and again, until cancelled. Where it is not needed any more, no pass does anything."""
        await every(_INTERVAL_S, self.pass_over, log=_log, failed="derived columns not mended")

    async def pass_over(self) -> None:
        """Mend the whole catalogue once, in batches of a transaction each. Raises DatabaseUnavailable."""
        if not await self.needed():
            return
        ((last_id,),) = await self._database.fetch_unlimited("SELECT COALESCE(MAX(id), 0) FROM products")
        for after_id in range(0, last_id, _BATCH_ROWS):
            await commit_touching(self._database, partial(self._batch, after_id), self._invalidate)
        self.complete = self.units_complete = True

    async def _batch(self, after_id: int, session: Session) -> tuple[None, frozenset[str]]:
        piece = (session, self._database.dialect, after_id, after_id + _BATCH_ROWS)
        tags = await mend(*piece)
        await fill_units(*piece)
        return None, frozenset(tags)
