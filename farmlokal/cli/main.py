"""The command group, and how failures end a command: one line each, and an exit code by their kind."""

import sys
from typing import Any

import click

from farmlokal import __version__
from farmlokal.app.variables import unknown_variables
from farmlokal.cli.cache import cache
from farmlokal.cli.catalogue import init_db, seed
from farmlokal.cli.config import config
from farmlokal.cli.demo import demo
from farmlokal.cli.importing import import_
from farmlokal.cli.partner import partner
from farmlokal.cli.partner_check import partner_check
from farmlokal.cli.process import EXIT_FAILED, EXIT_WRONG_USAGE
from farmlokal.cli.serve import serve
from farmlokal.cli.sync import sync
from farmlokal.cli.webhooks import webhooks
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


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """List the products of local farms: the service and what its operator needs."""


for _command in (serve, demo, init_db, seed, import_, sync, partner, partner_check, webhooks, cache, config):
    cli.add_command(_command)


def main() -> None:
    """Entry point of the `farmlokal` command."""
    cli()
