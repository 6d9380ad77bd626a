"""`farmlokal config`: what the process would run with."""

import click

from farmlokal.app.variables import places_of_values, unknown_variables
from farmlokal.settings import load_settings


@click.command()
def config() -> None:
    """Print the effective settings with where each comes from, secrets masked."""
    masked = load_settings().masked()
    for name, place in places_of_values().items():
        value = masked[name]
        click.echo(f"{name}={'' if value is None else value}  # {place}")
    for unknown in unknown_variables():
        click.echo(str(unknown), err=True)
