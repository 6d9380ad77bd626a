-- The embedded SQLite catalogue: the tables and indexes of the top-level schema.sql, which explains them. What differs:
-- `price` is whole paise, times are RFC 3339 text, and no collation is named, since SQLite compares bytes anyway.

CREATE TABLE IF NOT EXISTS schema_version (
    version INTEGER NOT NULL PRIMARY KEY
) STRICT;

INSERT INTO schema_version (version)
SELECT 1 WHERE NOT EXISTS (SELECT version FROM schema_version);

CREATE TABLE IF NOT EXISTS farms (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    source       TEXT NOT NULL,
    name_key     TEXT NOT NULL,
    district_key TEXT NOT NULL,
    state_key    TEXT NOT NULL,
    name         TEXT NOT NULL,
    CONSTRAINT farms_identity UNIQUE (source, name_key, district_key, state_key)
) STRICT;

CREATE TABLE IF NOT EXISTS products (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    source       TEXT NOT NULL,
    external_id  TEXT NOT NULL,
    version      INTEGER NOT NULL,
    digest       TEXT NOT NULL,
    live         INTEGER NOT NULL DEFAULT 1,
    name         TEXT NOT NULL,
    name_key     TEXT NOT NULL,
    category     TEXT NOT NULL,
    price        INTEGER NOT NULL,
    unit         TEXT NOT NULL,
    farm_id      INTEGER NULL,
    farm_name    TEXT NULL,
    market       TEXT NULL,
    district     TEXT NULL,
    district_key TEXT NULL,
    state        TEXT NULL,
    state_key    TEXT NULL,
    lat          REAL NULL,
    lon          REAL NULL,
    stock        INTEGER NOT NULL DEFAULT 0,
    in_stock     INTEGER GENERATED ALWAYS AS (stock > 0) STORED,
    organic      INTEGER NOT NULL DEFAULT 0,
    rating       REAL NULL,
    rating_key   INTEGER GENERATED ALWAYS AS (COALESCE(CAST(ROUND(rating * 100) AS INTEGER), -1)) STORED,
    created_at   TEXT NOT NULL,
    updated_at   TEXT NOT NULL,
    CONSTRAINT products_identity UNIQUE (source, external_id)
) STRICT;

CREATE INDEX IF NOT EXISTS products_by_created_at ON products
    (live, created_at, id, category, price, district_key, state_key, farm_id, in_stock, organic);
CREATE INDEX IF NOT EXISTS products_by_price ON products
    (live, price, id, category, created_at, district_key, state_key, farm_id, in_stock, organic, rating_key, name_key);
CREATE INDEX IF NOT EXISTS products_by_name ON products
    (live, name_key, id, category, price, district_key, state_key, farm_id, in_stock, organic);
CREATE INDEX IF NOT EXISTS products_by_rating ON products
    (live, rating_key, id, category, price, district_key, state_key, farm_id, in_stock, organic);
CREATE INDEX IF NOT EXISTS products_of_category_by_created_at ON products
    (live, category, created_at, id, price, district_key, state_key, farm_id, in_stock, organic);
CREATE INDEX IF NOT EXISTS products_of_category_by_price ON products
    (live, category, price, id, created_at, district_key, state_key, farm_id, in_stock, organic, rating_key, name_key);
CREATE INDEX IF NOT EXISTS products_of_category_by_name ON products
    (live, category, name_key, id, price, district_key, state_key, farm_id, in_stock, organic);
CREATE INDEX IF NOT EXISTS products_of_category_by_rating ON products
    (live, category, rating_key, id, price, district_key, state_key, farm_id, in_stock, organic);
CREATE INDEX IF NOT EXISTS products_of_district ON products
    (live, district_key, created_at, id, category, price, state_key, farm_id, in_stock, organic, rating_key, name_key);
CREATE INDEX IF NOT EXISTS products_of_state ON products
    (live, state_key, created_at, id, category, price, district_key, farm_id, in_stock, organic, rating_key, name_key);
CREATE INDEX IF NOT EXISTS products_of_farm ON products
    (live, farm_id, created_at, id, category, price, district_key, state_key, in_stock, organic, rating_key, name_key);

CREATE TABLE IF NOT EXISTS sightings (
    run        TEXT NOT NULL,
    product_id INTEGER NOT NULL,
    PRIMARY KEY (run, product_id)
) STRICT, WITHOUT ROWID;
