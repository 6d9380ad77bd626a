"""What the commands share: their settings, their event loop, their database, and their exit codes."""

from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

from farmlokal.app.garbage_collection import resume
from farmlokal.app.variables import log_unknown_variables
from farmlokal.database.address import parse_address
from farmlokal.database.connect import database_at
from farmlokal.database.interface import Database
from farmlokal.settings import Settings, load_settings
from farmlokal.telemetry import configure_logging
from farmlokal.telemetry.masking import mask_values

T = TypeVar("T")

EXIT_FAILED = 1
EXIT_WRONG_USAGE = 2

# Background and bulk work: nothing of it is on a request's path.
_MAINTENANCE_POOL = 8


def start(**overrides: Any) -> Settings:
    """The settings, with logging set up accordingly: the first step of every command."""
    resume()  # the command and its modules are here
    settings = load_settings(**overrides)
    mask_values(settings.secret_values())
    configure_logging(settings.log_format, settings.log_level)
    log_unknown_variables()
    return settings


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on uvloop to its end."""
    return uvloop.run(work)


def open_database(settings: Settings) -> Database:
    """The database that the settings name, for work behind the scenes."""
    address = parse_address(settings.database_url)
    return database_at(address, pool_size=_MAINTENANCE_POOL, statement_limit_ms=settings.statement_limit_ms)
