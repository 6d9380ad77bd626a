"""Version 2: who may use the database, the catalogue's identity, a count of the sync. Steps of an instant each."""

from farmlokal.database.migrations.migration import Change, Migration

VERSION_2 = Migration(
    version=2,
    usable_from=2,
    expand=(
        Change(
            name="schema_version.usable_from",
            mysql="ALTER TABLE schema_version ADD COLUMN usable_from INT NOT NULL DEFAULT 1, ALGORITHM = INSTANT",
            sqlite="ALTER TABLE schema_version ADD COLUMN usable_from INTEGER NOT NULL DEFAULT 1",
            in_place=lambda shape: "usable_from" in shape["schema_version"].columns,
        ),
        Change(
            name="catalogue",
            mysql="CREATE TABLE catalogue (id TINYINT NOT NULL PRIMARY KEY,"
            " identity CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL) ENGINE = InnoDB",
            sqlite="CREATE TABLE catalogue (id INTEGER NOT NULL PRIMARY KEY, identity TEXT NOT NULL) STRICT",
            in_place=lambda shape: "catalogue" in shape,
        ),
        Change(
            name="catalogue.identity",
            mysql="INSERT INTO catalogue (id, identity) SELECT 1, LOWER(HEX(RANDOM_BYTES(8))) FROM DUAL"
            " WHERE NOT EXISTS (SELECT id FROM catalogue)",
            sqlite="INSERT INTO catalogue (id, identity) SELECT 1, lower(hex(randomblob(8)))"
            " WHERE NOT EXISTS (SELECT id FROM catalogue)",
        ),
        Change(
            name="sync_runs.unknown_categories",
            mysql="ALTER TABLE sync_runs ADD COLUMN unknown_categories BIGINT NOT NULL DEFAULT 0, ALGORITHM = INSTANT",
            sqlite="ALTER TABLE sync_runs ADD COLUMN unknown_categories INTEGER NOT NULL DEFAULT 0",
            # A table that is missing is made as a whole afterwards.
            in_place=lambda shape: "sync_runs" not in shape or "unknown_categories" in shape["sync_runs"].columns,
        ),
    ),
)
