"""Becomes `farmlokal` with the arguments given, inside a container of the compose file.

Its database's URL is made of MYSQL_USER and MYSQL_PASSWORD, which are as MySQL itself has them: a URL wants such
characters as @ and / percent-encoded, and a password in two spellings is wrong in one of them.
"""

import os
import sys
from urllib.parse import quote

user, password = (quote(os.environ.pop(name), safe="") for name in ("MYSQL_USER", "MYSQL_PASSWORD"))
os.environ["FARMLOKAL_DATABASE_URL"] = f"mysql://{user}:{password}@mysql:3306/farmlokal"
os.execvp("farmlokal", ["farmlokal", *sys.argv[1:]])  # noqa: S606, S607 - no shell is wanted, and the PATH is the image's
