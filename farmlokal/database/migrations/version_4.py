"""Version 4: what products were called before, what is remembered of market files, and what products cost by day."""

from farmlokal.database.migrations.migration import Change, Migration


def _create(table: str, *, mysql: str, sqlite: str) -> Change:
    return Change(
        name=table,
        mysql=f"CREATE TABLE {table} ({mysql}) ENGINE = InnoDB",
        sqlite=f"CREATE TABLE {table} ({sqlite}) STRICT, WITHOUT ROWID",
        in_place=lambda shape: table in shape,
    )


_TEXT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"
_ASCII = "CHARACTER SET ascii COLLATE ascii_bin NOT NULL"

VERSION_4 = Migration(
    version=4,
    usable_from=4,
    expand=(
        _create(
            "product_identities",
            mysql=f"source VARCHAR(32) {_TEXT}, external_id VARCHAR(191) {_TEXT}, product_id BIGINT NOT NULL,"
            " PRIMARY KEY (source, external_id), INDEX product_identities_by_product (product_id)",
            sqlite="source TEXT NOT NULL, external_id TEXT NOT NULL, product_id INTEGER NOT NULL,"
            " PRIMARY KEY (source, external_id)",
        ),
        Change(
            name="product_identities_by_product",
            # MySQL's came with the table.
            mysql="SELECT 1",
            sqlite="CREATE INDEX product_identities_by_product ON product_identities (product_id)",
            in_place=lambda shape: (
                "product_identities" in shape and "product_identities_by_product" in shape["product_identities"].indexes
            ),
        ),
        _create(
            "identity_tables",
            mysql=f"source VARCHAR(32) {_TEXT} PRIMARY KEY, digest CHAR(32) {_ASCII}",
            sqlite="source TEXT NOT NULL PRIMARY KEY, digest TEXT NOT NULL",
        ),
        _create(
            "market_files",
            mysql=f"source VARCHAR(32) {_TEXT}, day INT NOT NULL, digest CHAR(32) {_ASCII}, sequence INT NOT NULL,"
            " PRIMARY KEY (source, day, digest), CONSTRAINT market_files_sequence UNIQUE (source, day, sequence)",
            sqlite="source TEXT NOT NULL, day INTEGER NOT NULL, digest TEXT NOT NULL, sequence INTEGER NOT NULL,"
            " PRIMARY KEY (source, day, digest), CONSTRAINT market_files_sequence UNIQUE (source, day, sequence)",
        ),
        _create(
            "usual_prices",
            mysql=f"source VARCHAR(32) {_TEXT}, commodity VARCHAR(100) {_TEXT}, unit VARCHAR(16) {_TEXT},"
            " paise BIGINT NOT NULL, day INT NOT NULL, PRIMARY KEY (source, commodity, unit)",
            sqlite="source TEXT NOT NULL, commodity TEXT NOT NULL, unit TEXT NOT NULL, paise INTEGER NOT NULL,"
            " day INTEGER NOT NULL, PRIMARY KEY (source, commodity, unit)",
        ),
        _create(
            "price_days",
            mysql="product_id BIGINT NOT NULL, day MEDIUMINT NOT NULL, sequence MEDIUMINT NOT NULL, said INT NOT NULL,"
            f" unit VARCHAR(16) {_TEXT}, min_paise DECIMAL(11, 0) NULL, modal_paise DECIMAL(11, 0) NOT NULL,"
            " max_paise DECIMAL(11, 0) NULL, PRIMARY KEY (product_id, day)",
            sqlite="product_id INTEGER NOT NULL, day INTEGER NOT NULL, sequence INTEGER NOT NULL,"
            " said INTEGER NOT NULL, unit TEXT NOT NULL, min_paise INTEGER NULL, modal_paise INTEGER NOT NULL,"
            " max_paise INTEGER NULL, PRIMARY KEY (product_id, day)",
        ),
    ),
)
