"""`farmlokal config`: what the process would run with."""

import click

from farmlokal.settings import load_settings, unknown_variables


@click.command()
def config() -> None:
    """Print the effective settings, secrets masked."""
    for name, value in load_settings().masked().items():
        click.echo(f"{name}={'' if value is None else value}")
    for name in unknown_variables():
        click.echo(f"{name} is set, and is none of FarmLokal's variables", err=True)
