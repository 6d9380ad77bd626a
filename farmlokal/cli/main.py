"""The command group, and how failures end a command: one line each, and an exit code by their kind."""

import sys
from typing import Any

import click

from farmlokal import __version__
from farmlokal.app.garbage_collection import pause
from farmlokal.app.variables import unknown_variables
from farmlokal.cli.lazy import LazyCommands
from farmlokal.cli.process import EXIT_FAILED, EXIT_WRONG_USAGE
from farmlokal.errors import FarmLokalError, NotConfigured
from farmlokal.settings import SettingsInvalid
from farmlokal.telemetry.masking import masked_line


class Commands(click.Group):
    """A group whose commands end with our exit codes: 1 failed or done in part, 2 wrong usage or configuration."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors of ours become lines on standard error."""
        try:
            return super().invoke(ctx)
        except SettingsInvalid as error:
            # A name that is spelt wrong is often the reason why another variable is missing.
            for line in (*error.lines, *unknown_variables()):
                click.echo(line, err=True)
            sys.exit(EXIT_WRONG_USAGE)
        except NotConfigured as error:
            click.echo(f"farmlokal: {error}", err=True)
            sys.exit(EXIT_WRONG_USAGE)
        except BrokenPipeError:
            # Whoever read what we print has read enough. click knows how to end then: without a word, with 1.
            raise
        except (FarmLokalError, OSError) as error:
            reason = getattr(error, "reason", "") or error.__cause__
            cause = f" ({reason})" if reason else ""
            click.echo(masked_line(f"farmlokal: {error}{cause}"), err=True)
            sys.exit(EXIT_FAILED)


_COMMANDS = LazyCommands(
    {
        "serve": "serve:serve",
        "demo": "demo:demo",
        "init-db": "catalogue:init_db",
        "seed": "catalogue:seed",
        "import": "importing:import_",
        "sync": "sync:sync",
        "partner": "partner:partner",
        "partner-check": "partner_check:partner_check",
        "webhooks": "webhooks:webhooks",
        "cache": "cache:cache",
        "config": "config:config",
    }
)


@click.group(cls=Commands, commands=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """List the products of local farms: the service and what its operator needs."""


def main() -> None:
    """Entry point of the `farmlokal` command."""
    pause()
    cli()
