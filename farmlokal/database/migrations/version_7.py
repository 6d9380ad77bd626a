"""Version 7: a table for invalidations that their writer cannot send. A release before leaves it alone, and goes on."""

from farmlokal.database.migrations.migration import Change, Migration

VERSION_7 = Migration(
    version=7,
    usable_from=6,
    expand=(
        Change(
            name="unheard_tags",
            mysql="CREATE TABLE unheard_tags (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,"
            " tags MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL) ENGINE = InnoDB",
            sqlite="CREATE TABLE unheard_tags (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,"
            " tags TEXT NOT NULL) STRICT",
            in_place=lambda shape: "unheard_tags" in shape,
        ),
    ),
)
