"""The command group, and how failures end a command: one line each, and the exit code that says which kind."""

import sys
from typing import Any

import click

from farmlokal import __version__
from farmlokal.cli import cache, catalogue, config, demo, partner, serve, sync, webhooks
from farmlokal.cli.process import EXIT_FAILED, EXIT_WRONG_USAGE
from farmlokal.errors import FarmLokalError
from farmlokal.settings import SettingsInvalid
from farmlokal.telemetry.masking import masked_line


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


for _module in (serve, demo, catalogue, sync, partner, webhooks, cache, config):
    _module.register(cli)


def main() -> None:
    """Entry point of the `farmlokal` command."""
    cli()
