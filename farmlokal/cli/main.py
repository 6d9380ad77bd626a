"""The command group, and how failures end a command: one line each, and the exit code that says which kind."""

import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import click
import uvloop

from farmlokal import __version__
from farmlokal.database.address import parse_address
from farmlokal.database.connect import database_at
from farmlokal.database.interface import Database
from farmlokal.errors import FarmLokalError
from farmlokal.settings import Settings, SettingsInvalid, load_settings, unknown_variables
from farmlokal.telemetry import configure_logging, get_logger
from farmlokal.telemetry.masking import mask_values, masked_line

T = TypeVar("T")

EXIT_FAILED = 1
EXIT_WRONG_USAGE = 2

# Background and bulk work: nothing of it is on a request's path.
_MAINTENANCE_POOL = 8


class Commands(click.Group):
    """A group whose commands end with our exit codes: 1 failed or done in part, 2 wrong usage or configuration."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors of ours become lines on standard error."""
        try:
            return super().invoke(ctx)
        except SettingsInvalid as error:
            for line in error.lines:
                click.echo(line, err=True)
            sys.exit(EXIT_WRONG_USAGE)
        except (FarmLokalError, OSError) as error:
            cause = f" ({error.__cause__})" if error.__cause__ is not None else ""
            click.echo(masked_line(f"farmlokal: {error}{cause}"), err=True)
            sys.exit(EXIT_FAILED)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """List the products of local farms: the service and what its operator needs."""


def start(**overrides: Any) -> Settings:
    """The settings, with logging set up accordingly: the first step of every command."""
    settings = load_settings(**overrides)
    mask_values(settings.secret_values())
    configure_logging(settings.log_format, settings.log_level)
    for name in unknown_variables():
        get_logger(__name__).warning("unknown variable", variable=name)
    return settings


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on uvloop to its end."""
    return uvloop.run(work)


def open_database(settings: Settings) -> Database:
    """The database that the settings name, for work behind the scenes."""
    address = parse_address(settings.database_url)
    return database_at(address, pool_size=_MAINTENANCE_POOL, statement_limit_ms=settings.statement_limit_ms)


def register_commands() -> None:
    """Add every command to the group. Imported here, because they need this module themselves."""
    from farmlokal.cli import cache, catalogue, config, demo, partner, serve, sync, webhooks

    for module in (serve, demo, catalogue, sync, partner, webhooks, cache, config):
        module.register(cli)


def main() -> None:
    """Entry point of the `farmlokal` command."""
    register_commands()
    cli()
