"""How a schema of an earlier version becomes one of ours: a file for each version, and one that runs them."""

from farmlokal.database.migrations.migration import Migration
from farmlokal.database.migrations.version_2 import VERSION_2
from farmlokal.database.migrations.version_3 import VERSION_3
from farmlokal.database.migrations.version_4 import VERSION_4
from farmlokal.database.migrations.version_5 import VERSION_5
from farmlokal.database.migrations.version_6 import VERSION_6
from farmlokal.database.migrations.version_7 import VERSION_7
from farmlokal.database.migrations.version_8 import VERSION_8

MIGRATIONS: tuple[Migration, ...] = (VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6, VERSION_7, VERSION_8)
"""Every version after the first, in order."""
