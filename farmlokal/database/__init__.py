"""Connections to MySQL, MariaDB and SQLite behind one small interface. Knows nothing of products."""
