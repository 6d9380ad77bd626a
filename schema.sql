-- FarmLokal's whole MySQL schema. Runs as it is on MySQL 8.4 and 9.x and on MariaDB 10.11 and later, and is safe to
-- run twice. `farmlokal init-db` runs it; the same file ships inside the installed package.

-- Which version of this schema the database holds: one row. `farmlokal serve` refuses any other version.
CREATE TABLE IF NOT EXISTS schema_version (
    version INT NOT NULL PRIMARY KEY
) ENGINE = InnoDB;

INSERT INTO schema_version (version)
SELECT 1 FROM DUAL WHERE NOT EXISTS (SELECT version FROM schema_version);

-- A farm is named by its products: one farm per source, name, district and state. The three keys are normalised
-- (NFKC, case-folded, white space collapsed), so that two spellings of one farm meet.
CREATE TABLE IF NOT EXISTS farms (
    id           BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    source       VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    name_key     VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    district_key VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    state_key    VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    name         VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    CONSTRAINT farms_identity UNIQUE (source, name_key, district_key, state_key)
) ENGINE = InnoDB;

-- The catalogue. Columns are named as the fields on the wire; the *_key columns are what is compared and ordered.
--   source, external_id   identity from outside
--   version, digest       the newest version seen and what its content hashed to; they outlive a deletion
--   live                  0 makes the row a tombstone. Every secondary index leads with it, so that no index walk
--                         meets a tombstone
--   rating_key            100 × rating, unrated -1: below every rating
--   farm_name             a copy of farms.name: a page is read without a join
CREATE TABLE IF NOT EXISTS products (
    id           BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    source       VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    external_id  VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    version      BIGINT NOT NULL,
    digest       CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    live         TINYINT NOT NULL DEFAULT 1,
    name         VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    name_key     VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    category     VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
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
    in_stock     TINYINT GENERATED ALWAYS AS (stock > 0) STORED,
    organic      TINYINT NOT NULL DEFAULT 0,
    rating       DECIMAL(3, 2) NULL,
    rating_key   SMALLINT GENERATED ALWAYS AS (COALESCE(CAST(rating * 100 AS SIGNED), -1)) STORED,
    created_at   DATETIME NOT NULL,
    updated_at   DATETIME NOT NULL,
    CONSTRAINT products_identity UNIQUE (source, external_id),

    -- Everything by newest or oldest; also any filter that most rows pass.
    INDEX products_by_created_at (live, created_at, id, category, price, district_key, state_key, farm_id, in_stock, organic),
    -- Everything by price; a price range under any sort.
    INDEX products_by_price (live, price, id, category, created_at, district_key, state_key, farm_id, in_stock, organic, rating_key, name_key),
    -- Everything by name.
    INDEX products_by_name (live, name_key, id, category, price, district_key, state_key, farm_id, in_stock, organic),
    -- Everything by rating.
    INDEX products_by_rating (live, rating_key, id, category, price, district_key, state_key, farm_id, in_stock, organic),
    -- One category by newest or oldest; the scans that a page of several categories merges.
    INDEX products_of_category_by_created_at (live, category, created_at, id, price, district_key, state_key, farm_id, in_stock, organic),
    -- One category by price; a category's price range under any sort.
    INDEX products_of_category_by_price (live, category, price, id, created_at, district_key, state_key, farm_id, in_stock, organic, rating_key, name_key),
    -- One category by name: names gather by category, so walking all names for one category can be endless.
    INDEX products_of_category_by_name (live, category, name_key, id, price, district_key, state_key, farm_id, in_stock, organic),
    -- One category by rating.
    INDEX products_of_category_by_rating (live, category, rating_key, id, price, district_key, state_key, farm_id, in_stock, organic),
    -- One district, newest first; a district under any sort, and together with every other filter.
    INDEX products_of_district (live, district_key, created_at, id, category, price, state_key, farm_id, in_stock, organic, rating_key, name_key),
    -- One state under any sort.
    INDEX products_of_state (live, state_key, created_at, id, category, price, district_key, farm_id, in_stock, organic, rating_key, name_key),
    -- One farm under any sort.
    INDEX products_of_farm (live, farm_id, created_at, id, category, price, district_key, state_key, in_stock, organic, rating_key, name_key)
) ENGINE = InnoDB;

-- Which products a run (an import with --replace, a full sync) has met; what of its source it did not meet is gone.
CREATE TABLE IF NOT EXISTS sightings (
    run        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    product_id BIGINT NOT NULL,
    PRIMARY KEY (run, product_id)
) ENGINE = InnoDB;
