-- FarmLokal's whole MySQL schema, version 8. Runs as it is on MySQL 8.4 and 9.x and on MariaDB 10.11 and later, and is
-- safe to run twice. `farmlokal init-db` runs it where nothing is; the same file ships inside the installed package. What
-- an earlier version made is upgraded by `farmlokal init-db` (farmlokal/database/migrations), not by this file.

-- Which version of this schema the database holds: one row.
--   version       what the database is in full. An upgrade that is under way leaves it as it was, so that processes of the
--                 release before still start
--   usable_from   the first version whose release can read and write it: an older one refuses to start
CREATE TABLE IF NOT EXISTS schema_version (
    version     INT NOT NULL PRIMARY KEY,
    usable_from INT NOT NULL DEFAULT 1
) ENGINE = InnoDB;

-- How far an upgrade has come: a row for each step that began, none while no upgrade is under way. Version 0 is no upgrade's:
-- its step `listing indexes` says that a load has taken these away, and that they are still to be made.
--   place   the last id that the step has dealt with, where it goes through a table in batches
--   done    1 when the step is done
CREATE TABLE IF NOT EXISTS schema_steps (
    version INT NOT NULL,
    step    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    place   BIGINT NOT NULL DEFAULT 0,
    done    TINYINT NOT NULL DEFAULT 0,
    PRIMARY KEY (version, step)
) ENGINE = InnoDB;

-- The catalogue's identity: a random name, made once, which tells its entries in a shared Redis from another catalogue's.
-- `id` is 1: there is one row.
CREATE TABLE IF NOT EXISTS catalogue (
    id       TINYINT NOT NULL PRIMARY KEY,
    identity CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE = InnoDB;

INSERT INTO catalogue (id, identity)
SELECT 1, LOWER(HEX(RANDOM_BYTES(8))) FROM DUAL WHERE NOT EXISTS (SELECT id FROM catalogue);

-- A farm is named by its products: one farm per source, name, district and state. The three keys are normalised
-- (joiners dropped, NFKC, case-folded, white space collapsed), so that two spellings of one farm meet.
CREATE TABLE IF NOT EXISTS farms (
    id           BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    source       VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    name_key     VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    district_key VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    state_key    VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    name         VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    CONSTRAINT farms_identity UNIQUE (source, name_key, district_key, state_key)
) ENGINE = InnoDB;

-- The names that products have, one for each normalised name and category: what is searched. Only ever added; products hold
-- their name's id. name is how the first product spelled it, products how many have it, counted in the background.
CREATE TABLE IF NOT EXISTS names (
    id       INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name_key VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    category VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name     VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    products BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT names_identity UNIQUE (name_key, category)
) ENGINE = InnoDB;

-- The catalogue. Columns are named as the fields on the wire; the *_key columns are what is compared and ordered.
--   source, external_id   identity from outside
--   category              a word that is stored as one byte: it stands in thirteen indexes. A new one goes to the end of the
--                         list, which changes nothing that is stored
--   version, digest       the newest version seen and what its content hashed to; they outlive a deletion
--   live                  0 makes the row a tombstone. Every secondary index leads with it, so that no index walk
--                         meets a tombstone
--   rating_key            100 × rating + 1, unrated 0: below every rating. Never negative: MySQL takes -1 for an
--                         expression, not for a constant, and then starts a walk from the index's beginning
--   in_stock, rating_key  follow from stock and from rating: an INSERT leaves them out, an UPDATE that sets stock or
--                         rating sets them to DEFAULT after it, and the constraint refuses whoever forgets that. Not
--                         GENERATED, beside which a prepared SELECT of a MariaDB loses its covering index
--   farm_name             a copy of farms.name: a page is read without a join
--   cell, x, yz           where it is, made of lat and lon (farmlokal/catalog/places.py): the number of a cell of a
--                         quadtree, and the unit vector to the cell's centre, times 10⁷, of which two coordinates share
--                         a number. NULL where it has no place
--   name_id               its name among the names, made of name and category
--   derived_version       the version that these four were made from: what a release that does not know them has written
--                         since shows by it
--   description           of one product's own answer and the change feed; no listing reads it
CREATE TABLE IF NOT EXISTS products (
    id           BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    source       VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    external_id  VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    version      BIGINT NOT NULL,
    digest       CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    live         TINYINT NOT NULL DEFAULT 1,
    name         VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    name_key     VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    category     ENUM('vegetables', 'fruits', 'grains', 'pulses', 'spices', 'oilseeds', 'nuts', 'flowers', 'fibres', 'livestock', 'meat', 'fish', 'milk', 'dairy', 'eggs', 'honey', 'oils', 'pickles', 'bakery', 'other') CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    price        DECIMAL(12, 2) NOT NULL,
    unit         VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    farm_id      BIGINT NULL,
    farm_name    VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    market       VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    district     VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    district_key VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    state        VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    state_key    VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    lat          DOUBLE NULL,
    lon          DOUBLE NULL,
    stock        INT NOT NULL DEFAULT 0,
    in_stock     TINYINT NOT NULL DEFAULT (stock > 0),
    organic      TINYINT NOT NULL DEFAULT 0,
    rating       DECIMAL(3, 2) NULL,
    rating_key   SMALLINT NOT NULL DEFAULT (COALESCE(CAST(rating * 100 AS SIGNED) + 1, 0)),
    created_at   DATETIME NOT NULL,
    updated_at   DATETIME NOT NULL,
    cell         BIGINT NULL,
    x            INT NULL,
    yz           BIGINT NULL,
    name_id      INT NULL,
    derived_version BIGINT NULL,
    image_url    VARCHAR(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    description  VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    brand        VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    CONSTRAINT products_identity UNIQUE (source, external_id),
    CONSTRAINT products_follow CHECK (in_stock = (stock > 0) AND rating_key = COALESCE(CAST(rating * 100 AS SIGNED) + 1, 0)),

    -- Everything by newest or oldest; also any filter that most rows pass.
    INDEX listing_by_created_at (live, created_at, id, category, price, district_key, state_key, farm_id, in_stock, organic, x, yz, name_id),
    -- Everything by price; a price range under any sort.
    INDEX listing_by_price (live, price, id, category, created_at, district_key, state_key, farm_id, in_stock, organic, rating_key, name_key, x, yz, name_id),
    -- Everything by name.
    INDEX listing_by_name (live, name_key, id, category, price, district_key, state_key, farm_id, in_stock, organic, x, yz, name_id),
    -- Everything by rating; one category too, since ratings do not gather by category.
    INDEX listing_by_rating (live, rating_key, id, category, price, district_key, state_key, farm_id, in_stock, organic, x, yz, name_id),
    -- One category by newest or oldest; the scans that a page of several categories merges.
    INDEX listing_of_category_by_created_at (live, category, created_at, id, price, district_key, state_key, farm_id, in_stock, organic, x, yz, name_id),
    -- One category by price; a category's price range under any sort.
    INDEX listing_of_category_by_price (live, category, price, id, created_at, district_key, state_key, farm_id, in_stock, organic, rating_key, name_key, x, yz, name_id),
    -- One category by name: names gather by category, so walking all names for one category can be endless.
    INDEX listing_of_category_by_name (live, category, name_key, id, price, district_key, state_key, farm_id, in_stock, organic, x, yz, name_id),
    -- One district, newest first; a district under any sort, and together with every other filter.
    INDEX listing_of_district (live, district_key, created_at, id, category, price, state_key, farm_id, in_stock, organic, rating_key, name_key, x, yz, name_id),
    -- One state under any sort.
    INDEX listing_of_state (live, state_key, created_at, id, category, price, district_key, farm_id, in_stock, organic, rating_key, name_key, x, yz, name_id),
    -- One farm by price; a farm under the sorts that do not gather by farm, newest and rating.
    INDEX listing_of_farm_by_price (live, farm_id, price, id, category, created_at, district_key, state_key, in_stock, organic, rating_key, name_key, x, yz, name_id),
    -- One farm by name: a farm deals in a few kinds, so walking all names for a large one can be endless.
    INDEX listing_of_farm_by_name (live, farm_id, name_key, id, category, price, district_key, state_key, in_stock, organic, x, yz, name_id),
    -- One name, newest first; several names under any sort: what is asked for in words.
    INDEX listing_of_name (live, name_id, created_at, id, category, price, district_key, state_key, farm_id, in_stock, organic, rating_key, name_key, x, yz),
    -- What is near: a square of a quadtree is one range of cells. Also a disc under any sort, though by name its rows are
    -- read for their names: see docs/catalogue.md.
    INDEX listing_by_place (live, cell, id, x, yz, category, price, created_at, district_key, state_key, farm_id, in_stock, organic, rating_key, name_id)
) ENGINE = InnoDB;

-- Which units the products of a name have had. Only ever added, by whoever writes a product: what is asked for by its unit
-- is found by these names, since no index of the products has units.
CREATE TABLE IF NOT EXISTS name_units (
    name_id INT NOT NULL,
    unit    VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    PRIMARY KEY (name_id, unit),
    -- The names of a unit.
    INDEX name_units_by_unit (unit, name_id)
) ENGINE = InnoDB;

-- The places that products are at, as they are listed: counted in the background, and none without products.
--   level       1 a state, 2 a district, 3 a market
--   *_key       normal forms; empty where there is none, as a state has no district
--   words       the name's words as they are searched: what it is ordered by
--   name, …     as products spell it; the district of a market, the state of a market or a district
CREATE TABLE IF NOT EXISTS places (
    id           INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    level        TINYINT NOT NULL,
    state_key    VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    district_key VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    market_key   VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    words        VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    name         VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    district     VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    state        VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    products     BIGINT NOT NULL,
    CONSTRAINT places_identity UNIQUE (level, state_key, district_key, market_key),
    -- All states, districts or markets by name, and those whose name begins so.
    INDEX places_by_words (level, words, id),
    -- Those of one state.
    INDEX places_of_state (level, state_key, words, id)
) ENGINE = InnoDB;

-- The farms that products are from, as they are listed: counted in the background, and none without products. Columns as
-- those of places; id is the farm's.
CREATE TABLE IF NOT EXISTS listed_farms (
    id           BIGINT NOT NULL PRIMARY KEY,
    district_key VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    words        VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    name         VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    district     VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    state        VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    products     BIGINT NOT NULL,
    -- All farms by name, and those whose name begins so.
    INDEX listed_farms_by_words (words, id),
    -- Those of one district.
    INDEX listed_farms_of_district (district_key, words, id)
) ENGINE = InnoDB;

-- Which products transactions have changed that have no number in the log yet: a row for at most 500 products, written in
-- the transaction that changes them. What is here is committed, in whichever order that came to pass.
--   product_ids   separated by commas
--   noted_at      Unix seconds of this server's clock
CREATE TABLE IF NOT EXISTS change_outbox (
    id          BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    product_ids VARCHAR(10000) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    noted_at    BIGINT NOT NULL
) ENGINE = InnoDB;

-- The log of changes: product after product, numbered from 1 without a gap, moved here from the outbox.
--   number        of the last product of the row; the one before it has one less, and so on
--   product_ids   separated by commas, at most 500
--   numbered_at   Unix seconds of this server's clock
CREATE TABLE IF NOT EXISTS changes (
    number      BIGINT NOT NULL PRIMARY KEY,
    product_ids VARCHAR(10000) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    numbered_at BIGINT NOT NULL
) ENGINE = InnoDB;

-- Where the log stands, in one row, once something was numbered. Whoever numbers or forgets has it locked.
--   last          the number of the newest change
--   forgotten     the number of the newest change that is no longer in the log; 0 while all are there
--   holder        the process that numbers
--   lease_until   Unix seconds of this server's clock, until when the holder is left to it
CREATE TABLE IF NOT EXISTS change_log (
    id          TINYINT NOT NULL PRIMARY KEY,
    last        BIGINT NOT NULL DEFAULT 0,
    forgotten   BIGINT NOT NULL DEFAULT 0,
    holder      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    lease_until BIGINT NOT NULL
) ENGINE = InnoDB;

-- Which products a run (an import with --replace, a full sync) has met; what of its source it did not meet is gone.
CREATE TABLE IF NOT EXISTS sightings (
    run        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    product_id BIGINT NOT NULL,
    PRIMARY KEY (run, product_id)
) ENGINE = InnoDB;

-- What products were once called, where that changed: an old identity leads to the row that has the product now. It
-- counts where no product on offer has the identity itself.
CREATE TABLE IF NOT EXISTS product_identities (
    source      VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    external_id VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    product_id  BIGINT NOT NULL,
    PRIMARY KEY (source, external_id),
    -- What leads to a product that is merged into another.
    INDEX product_identities_by_product (product_id)
) ENGINE = InnoDB;

-- By which alias tables the identities of a source's products were made last.
CREATE TABLE IF NOT EXISTS identity_tables (
    source VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
    digest CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE = InnoDB;

-- What imported market files said of a day: whatever says the same is the same, in whichever file it comes.
--   day       days since 1970-01-01
--   sequence  from 1 in the order of arrival; part of the version of the file's rows
CREATE TABLE IF NOT EXISTS market_files (
    source   VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    day      INT NOT NULL,
    digest   CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    sequence INT NOT NULL,
    PRIMARY KEY (source, day, digest),
    CONSTRAINT market_files_sequence UNIQUE (source, day, sequence)
) ENGINE = InnoDB;

-- What a commodity cost in the newest market file that had enough prices of it: the median, in paise for one `unit`.
CREATE TABLE IF NOT EXISTS usual_prices (
    source    VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    commodity VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    unit      VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    paise     BIGINT NOT NULL,
    day       INT NOT NULL,
    PRIMARY KEY (source, commodity, unit)
) ENGINE = InnoDB;

-- What market files said that a product cost on a day, one row for each of both: a product's history is one range of the
-- primary key. Written with the product, also where the day is older than what the product shows.
--   day        days since 1970-01-01
--   sequence   of the file that said it last (market_files): a later file of the day replaces it
--   said       a checksum of the file's words: the same words may be read otherwise by a later release
--   *_paise    for one of `unit`; lowest and highest where the file gives them. 11 digits, as whole numbers that take five
--              bytes each
CREATE TABLE IF NOT EXISTS price_days (
    product_id  BIGINT NOT NULL,
    day         MEDIUMINT NOT NULL,
    sequence    MEDIUMINT NOT NULL,
    said        INT NOT NULL,
    unit        VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    min_paise   DECIMAL(11, 0) NULL,
    modal_paise DECIMAL(11, 0) NOT NULL,
    max_paise   DECIMAL(11, 0) NULL,
    PRIMARY KEY (product_id, day)
) ENGINE = InnoDB;

-- The partner's events: one row per event id, inserted in the transaction in which the event takes effect.
--   body_hash    SHA-256 of the raw body: the same id with another body is refused
--   state        done, or dead: it could not take effect, for the given reason; its redelivery, what it waits for, and
--                a replay try again
--   attempts     how often it was delivered
--   tags         the cache tags that it touched, a JSON list; a duplicate invalidates them once more
--   waits_for    the key of an order or a product; a dead event is tried again when that has come
--   body         kept while it is dead, for the replay
CREATE TABLE IF NOT EXISTS webhook_inbox (
    event_id    VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    body_hash   CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    type        VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    state       VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    effect      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason      VARCHAR(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    attempts    INT NOT NULL,
    tags        VARCHAR(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    waits_for   CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
    body        MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    received_at DATETIME NOT NULL,
    updated_at  DATETIME NOT NULL,

    -- What is dead, by age: the list, and the replay of all.
    INDEX webhook_inbox_by_state (state, received_at, event_id),
    -- Who waits for an order's placement, or for a product.
    INDEX webhook_inbox_by_waits_for (waits_for),
    -- What nobody has sent for so long that it may be forgotten.
    INDEX webhook_inbox_by_updated_at (updated_at)
) ENGINE = InnoDB;

-- What the events of an order have done: one row per order, inserted by the first of them and locked by the others, so
-- that each type takes effect once whatever its webhook id. external_id and quantity are the placement's. Never reaped:
-- an order may be cancelled late.
CREATE TABLE IF NOT EXISTS order_effects (
    source      VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    order_id    VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    external_id VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    quantity    INT NULL,
    placed      TINYINT NOT NULL DEFAULT 0,
    cancelled   TINYINT NOT NULL DEFAULT 0,
    PRIMARY KEY (source, order_id)
) ENGINE = InnoDB;

-- Runs of the partner sync. Who may work on one is decided here and nowhere else.
--   unfinished            1 while the run is running or interrupted, else NULL: the unique key then lets one in per source
--   holder, lease_until   who works on it, and until when (Unix seconds of this server's clock) that is believed
--   heartbeats            raised with every renewal of the lease
--   updated_since, as_of  what the run asks the feed for, and what the next one will ask for
--   page_token, walked    its place: the next page; 1 when there is none any more, 2 when also what a full run did not
--                         meet is marked gone
--   unnamed               rejected rows that name no product
--   unknown_categories    rows whose category is not in the list, and became `other`
CREATE TABLE IF NOT EXISTS sync_runs (
    id            BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    run           VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    source        VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    full_walk     TINYINT NOT NULL,
    state         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    unfinished    TINYINT NULL,
    holder        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    lease_until   BIGINT NOT NULL,
    heartbeats    BIGINT NOT NULL DEFAULT 0,
    updated_since VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NULL,
    as_of         VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NULL,
    page_token    VARCHAR(2048) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    walked        TINYINT NOT NULL DEFAULT 0,
    pages         BIGINT NOT NULL DEFAULT 0,
    fetched       BIGINT NOT NULL DEFAULT 0,
    created       BIGINT NOT NULL DEFAULT 0,
    updated       BIGINT NOT NULL DEFAULT 0,
    unchanged     BIGINT NOT NULL DEFAULT 0,
    outdated      BIGINT NOT NULL DEFAULT 0,
    deleted       BIGINT NOT NULL DEFAULT 0,
    rejected      BIGINT NOT NULL DEFAULT 0,
    unnamed       BIGINT NOT NULL DEFAULT 0,
    started_ms    BIGINT NOT NULL,
    finished_ms   BIGINT NULL,
    error         VARCHAR(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    retry_after_s INT NULL,
    unknown_categories BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT sync_runs_name UNIQUE (run),
    CONSTRAINT sync_runs_one_at_a_time UNIQUE (source, unfinished),
    -- The last run that was done.
    INDEX sync_runs_by_state (source, state, id)
) ENGINE = InnoDB;

-- The first thousand rows of a run that were rejected, by their number among the rejected; no external id where a row
-- names none.
CREATE TABLE IF NOT EXISTS sync_rejects (
    run_id      BIGINT NOT NULL,
    number      INT NOT NULL,
    external_id VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    reason      VARCHAR(500) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    PRIMARY KEY (run_id, number)
) ENGINE = InnoDB;

-- Cache tags whose invalidation Redis did not take from the process that wrote. Whoever reaches Redis sends them and deletes
-- the rows, of which there are none as long as every process does. A row is never changed: what is deleted was sent.
--   tags   a JSON list
CREATE TABLE IF NOT EXISTS unheard_tags (
    id   BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    tags MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
) ENGINE = InnoDB;

-- Last of all: a schema whose making was ended before is none.
INSERT INTO schema_version (version, usable_from)
SELECT 8, 6 FROM DUAL WHERE NOT EXISTS (SELECT version FROM schema_version);
