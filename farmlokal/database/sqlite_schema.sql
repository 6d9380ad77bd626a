-- The embedded SQLite catalogue: the tables and indexes of the top-level schema.sql, which explains them. What differs:
-- `price` is whole paise, times are RFC 3339 text, no collation is named, since SQLite compares bytes anyway, and what
-- follows from another column is generated.

CREATE TABLE IF NOT EXISTS schema_version (
    version     INTEGER NOT NULL PRIMARY KEY,
    usable_from INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE IF NOT EXISTS schema_steps (
    version INTEGER NOT NULL,
    step    TEXT NOT NULL,
    place   INTEGER NOT NULL DEFAULT 0,
    done    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (version, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS catalogue (
    id       INTEGER NOT NULL PRIMARY KEY,
    identity TEXT NOT NULL
) STRICT;

INSERT INTO catalogue (id, identity)
SELECT 1, lower(hex(randomblob(8))) WHERE NOT EXISTS (SELECT id FROM catalogue);

CREATE TABLE IF NOT EXISTS farms (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    source       TEXT NOT NULL,
    name_key     TEXT NOT NULL,
    district_key TEXT NOT NULL,
    state_key    TEXT NOT NULL,
    name         TEXT NOT NULL,
    CONSTRAINT farms_identity UNIQUE (source, name_key, district_key, state_key)
) STRICT;

CREATE TABLE IF NOT EXISTS names (
    id       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name_key TEXT NOT NULL,
    category TEXT NOT NULL,
    name     TEXT NOT NULL,
    products INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT names_identity UNIQUE (name_key, category)
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
    rating_key   INTEGER GENERATED ALWAYS AS (COALESCE(CAST(ROUND(rating * 100) AS INTEGER) + 1, 0)) STORED,
    created_at   TEXT NOT NULL,
    updated_at   TEXT NOT NULL,
    cell         INTEGER NULL,
    x            INTEGER NULL,
    yz           INTEGER NULL,
    name_id      INTEGER NULL,
    derived_version INTEGER NULL,
    image_url    TEXT NULL,
    description  TEXT NULL,
    brand        TEXT NULL,
    CONSTRAINT products_identity UNIQUE (source, external_id)
) STRICT;

CREATE INDEX IF NOT EXISTS listing_by_created_at ON products
    (live, created_at, id, category, price, district_key, state_key, farm_id, in_stock, organic, x, yz, name_id);
CREATE INDEX IF NOT EXISTS listing_by_price ON products
    (live, price, id, category, created_at, district_key, state_key, farm_id, in_stock, organic, rating_key, name_key, x, yz, name_id);
CREATE INDEX IF NOT EXISTS listing_by_name ON products
    (live, name_key, id, category, price, district_key, state_key, farm_id, in_stock, organic, x, yz, name_id);
CREATE INDEX IF NOT EXISTS listing_by_rating ON products
    (live, rating_key, id, category, price, district_key, state_key, farm_id, in_stock, organic, x, yz, name_id);
CREATE INDEX IF NOT EXISTS listing_of_category_by_created_at ON products
    (live, category, created_at, id, price, district_key, state_key, farm_id, in_stock, organic, x, yz, name_id);
CREATE INDEX IF NOT EXISTS listing_of_category_by_price ON products
    (live, category, price, id, created_at, district_key, state_key, farm_id, in_stock, organic, rating_key, name_key, x, yz, name_id);
CREATE INDEX IF NOT EXISTS listing_of_category_by_name ON products
    (live, category, name_key, id, price, district_key, state_key, farm_id, in_stock, organic, x, yz, name_id);
CREATE INDEX IF NOT EXISTS listing_of_district ON products
    (live, district_key, created_at, id, category, price, state_key, farm_id, in_stock, organic, rating_key, name_key, x, yz, name_id);
CREATE INDEX IF NOT EXISTS listing_of_state ON products
    (live, state_key, created_at, id, category, price, district_key, farm_id, in_stock, organic, rating_key, name_key, x, yz, name_id);
CREATE INDEX IF NOT EXISTS listing_of_farm_by_price ON products
    (live, farm_id, price, id, category, created_at, district_key, state_key, in_stock, organic, rating_key, name_key, x, yz, name_id);
CREATE INDEX IF NOT EXISTS listing_of_farm_by_name ON products
    (live, farm_id, name_key, id, category, price, district_key, state_key, in_stock, organic, x, yz, name_id);
CREATE INDEX IF NOT EXISTS listing_of_name ON products
    (live, name_id, created_at, id, category, price, district_key, state_key, farm_id, in_stock, organic, rating_key, name_key, x, yz);
CREATE INDEX IF NOT EXISTS listing_by_place ON products
    (live, cell, id, x, yz, category, price, created_at, district_key, state_key, farm_id, in_stock, organic, rating_key, name_id);

CREATE TABLE IF NOT EXISTS name_units (
    name_id INTEGER NOT NULL,
    unit    TEXT NOT NULL,
    PRIMARY KEY (name_id, unit)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS name_units_by_unit ON name_units (unit, name_id);

CREATE TABLE IF NOT EXISTS places (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    level        INTEGER NOT NULL,
    state_key    TEXT NOT NULL,
    district_key TEXT NOT NULL,
    market_key   TEXT NOT NULL,
    words        TEXT NOT NULL,
    name         TEXT NOT NULL,
    district     TEXT NULL,
    state        TEXT NULL,
    products     INTEGER NOT NULL,
    CONSTRAINT places_identity UNIQUE (level, state_key, district_key, market_key)
) STRICT;

CREATE INDEX IF NOT EXISTS places_by_words ON places (level, words, id);

CREATE INDEX IF NOT EXISTS places_of_state ON places (level, state_key, words, id);

CREATE TABLE IF NOT EXISTS listed_farms (
    id           INTEGER NOT NULL PRIMARY KEY,
    district_key TEXT NOT NULL,
    words        TEXT NOT NULL,
    name         TEXT NOT NULL,
    district     TEXT NULL,
    state        TEXT NULL,
    products     INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS listed_farms_by_words ON listed_farms (words, id);

CREATE INDEX IF NOT EXISTS listed_farms_of_district ON listed_farms (district_key, words, id);

CREATE TABLE IF NOT EXISTS change_outbox (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    product_ids TEXT NOT NULL,
    noted_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS changes (
    number      INTEGER NOT NULL PRIMARY KEY,
    product_ids TEXT NOT NULL,
    numbered_at INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS change_log (
    id          INTEGER NOT NULL PRIMARY KEY,
    last        INTEGER NOT NULL DEFAULT 0,
    forgotten   INTEGER NOT NULL DEFAULT 0,
    holder      TEXT NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS sightings (
    run        TEXT NOT NULL,
    product_id INTEGER NOT NULL,
    PRIMARY KEY (run, product_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS product_identities (
    source      TEXT NOT NULL,
    external_id TEXT NOT NULL,
    product_id  INTEGER NOT NULL,
    PRIMARY KEY (source, external_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS product_identities_by_product ON product_identities (product_id);

CREATE TABLE IF NOT EXISTS identity_tables (
    source TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS market_files (
    source   TEXT NOT NULL,
    day      INTEGER NOT NULL,
    digest   TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (source, day, digest),
    CONSTRAINT market_files_sequence UNIQUE (source, day, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS usual_prices (
    source    TEXT NOT NULL,
    commodity TEXT NOT NULL,
    unit      TEXT NOT NULL,
    paise     INTEGER NOT NULL,
    day       INTEGER NOT NULL,
    PRIMARY KEY (source, commodity, unit)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS price_days (
    product_id  INTEGER NOT NULL,
    day         INTEGER NOT NULL,
    sequence    INTEGER NOT NULL,
    said        INTEGER NOT NULL,
    unit        TEXT NOT NULL,
    min_paise   INTEGER NULL,
    modal_paise INTEGER NOT NULL,
    max_paise   INTEGER NULL,
    PRIMARY KEY (product_id, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS webhook_inbox (
    event_id    TEXT NOT NULL PRIMARY KEY,
    body_hash   TEXT NOT NULL,
    type        TEXT NOT NULL,
    state       TEXT NOT NULL,
    effect      TEXT NOT NULL,
    reason      TEXT NULL,
    attempts    INTEGER NOT NULL,
    tags        TEXT NOT NULL,
    waits_for   TEXT NULL,
    body        TEXT NULL,
    received_at TEXT NOT NULL,
    updated_at  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS webhook_inbox_by_state ON webhook_inbox (state, received_at, event_id);
CREATE INDEX IF NOT EXISTS webhook_inbox_by_waits_for ON webhook_inbox (waits_for);
CREATE INDEX IF NOT EXISTS webhook_inbox_by_updated_at ON webhook_inbox (updated_at);

CREATE TABLE IF NOT EXISTS order_effects (
    source      TEXT NOT NULL,
    order_id    TEXT NOT NULL,
    external_id TEXT NULL,
    quantity    INTEGER NULL,
    placed      INTEGER NOT NULL DEFAULT 0,
    cancelled   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (source, order_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS sync_runs (
    id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run           TEXT NOT NULL,
    source        TEXT NOT NULL,
    full_walk     INTEGER NOT NULL,
    state         TEXT NOT NULL,
    unfinished    INTEGER NULL,
    holder        TEXT NOT NULL,
    lease_until   INTEGER NOT NULL,
    heartbeats    INTEGER NOT NULL DEFAULT 0,
    updated_since TEXT NULL,
    as_of         TEXT NULL,
    page_token    TEXT NULL,
    walked        INTEGER NOT NULL DEFAULT 0,
    pages         INTEGER NOT NULL DEFAULT 0,
    fetched       INTEGER NOT NULL DEFAULT 0,
    created       INTEGER NOT NULL DEFAULT 0,
    updated       INTEGER NOT NULL DEFAULT 0,
    unchanged     INTEGER NOT NULL DEFAULT 0,
    outdated      INTEGER NOT NULL DEFAULT 0,
    deleted       INTEGER NOT NULL DEFAULT 0,
    rejected      INTEGER NOT NULL DEFAULT 0,
    unnamed       INTEGER NOT NULL DEFAULT 0,
    started_ms    INTEGER NOT NULL,
    finished_ms   INTEGER NULL,
    error         TEXT NULL,
    retry_after_s INTEGER NULL,
    unknown_categories INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT sync_runs_name UNIQUE (run),
    CONSTRAINT sync_runs_one_at_a_time UNIQUE (source, unfinished)
) STRICT;

CREATE INDEX IF NOT EXISTS sync_runs_by_state ON sync_runs (source, state, id);

CREATE TABLE IF NOT EXISTS sync_rejects (
    run_id      INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    external_id TEXT NULL,
    reason      TEXT NOT NULL,
    PRIMARY KEY (run_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS unheard_tags (
    id   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    tags TEXT NOT NULL
) STRICT;

INSERT INTO schema_version (version, usable_from)
SELECT 8, 6 WHERE NOT EXISTS (SELECT version FROM schema_version);
