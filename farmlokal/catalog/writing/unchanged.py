"""Which products of a batch are stored as they come: a short look, without a lock, that spares most of a load its work.

Whoever changes such a product at the same moment comes after us: nothing is written of it. A product's digest is of
everything that its source says of it, so that whatever differs shows.
"""

from collections.abc import Sequence

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.writing.stored_rows import by_source
from farmlokal.catalog.writing.versions import Change, Identity
from farmlokal.database.interface import Session


async def find_unchanged(session: Session, changes: Sequence[Change]) -> dict[Identity, int]:
    """The products that `versions.decide` would find unchanged by `changes`, with their ids; deletions it has to see.

    They are on offer, and stored with the version and the content that they have in `changes`. None where a product
    comes twice, since then the order decides.
    """
    records = [change for change in changes if isinstance(change, ProductRecord)]
    said = {(one.source, one.external_id): (str(one.version).encode(), one.digest().encode()) for one in records}
    if len(said) < len(changes):
        return {}
    # A market file's place is taken for a product that has none, so that one is not unchanged.
    placed = [one for one in records if one.lat is not None and one.said is not None]
    condition = " AND lat IS NOT NULL" if placed else ""
    found: dict[Identity, int] = {}
    for source, names in by_source(list(said)):
        rows = await session.fetch_texts(
            "SELECT external_id, version, digest, id FROM products"
            f" WHERE source = %s AND external_id IN ({', '.join(['%s'] * len(names))}) AND live = 1{condition}",
            [source, *names],
        )
        for external_id, version, digest, product_id in rows:
            identity = source, (external_id or b"").decode()
            if said[identity] == (version, digest):
                found[identity] = int(product_id or 0)
    return found
