"""The names that a load of many batches has met already."""

from collections.abc import Sequence

from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.writing.names import NameKey, NameUnit, name_identity, name_ids
from farmlokal.database.interface import Database, Session

# A catalogue has some thousand. Past this many, about 20 MiB, start over: a name forgotten is only looked up again.
_NAMES_MAX = 100_000


class KnownNames:
    """Ids of names by their identity, each looked up once, and added ahead of its products: see `KnownFarms`.

    units: those that names are known to have, likewise.
    born: whether names were added here that no batch tells of yet.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.ids: dict[NameKey, int] = {}
        self.units: set[NameUnit] = set()
        self.born = False

    def __repr__(self) -> str:
        return f"<KnownNames {len(self.ids)}>"

    async def learn(self, changes: Sequence[ProductRecord | Deletion]) -> None:
        """Look up or add every name that `changes` bring and that is not known yet, in one transaction."""
        named = {(one.name, one.category, one.unit) for one in changes if isinstance(one, ProductRecord)}
        units = {(name_identity(name, category), unit): (name, category, unit) for name, category, unit in named}
        new = [triple for pair, triple in units.items() if pair not in self.units]
        if not new:
            return

        async def work(session: Session) -> tuple[dict[NameKey, int], bool]:
            return await name_ids(session, self._database.dialect, sorted(new))

        found, born = await self._database.in_transaction(work)
        self.born |= born
        if len(self.ids) + len(found) > _NAMES_MAX:
            self.ids.clear()
            self.units.clear()
        self.ids |= found
        self.units |= units.keys()
