"""The documentation says what the code does."""

import re
from pathlib import Path

import click
import pytest

from farmlokal.app.factory import create_app
from farmlokal.cli.main import cli, register_commands
from farmlokal.settings import Settings, variable
from farmlokal.web.listing_parameters import PARAMETERS
from tests.service import settings_for, sqlite_url

ROOT = Path(__file__).parents[1]
README = ROOT.joinpath("README.md").read_text("utf-8")
TABLE_ROWS = [line for line in README.splitlines() if line.startswith("|")]


def documented(text: str) -> bool:
    """Whether a table row of README begins with `text`."""
    return any(f"`{text}`" in row.split("|")[1] or f"`{text} " in row.split("|")[1] for row in TABLE_ROWS)


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_in_the_table(field: str) -> None:
    """README's table has each variable, with its default."""
    row = next((row for row in TABLE_ROWS if row.startswith(f"| `{variable(field)}` ")), None)
    assert row is not None, f"{variable(field)} is not in README's table of settings"
    default = Settings.model_fields[field].default
    shown = row.split("|")[2].strip()
    assert shown == f"`{default}`" if default is not None else not re.fullmatch(r"`\d+`", shown)


@pytest.mark.parametrize("name", ["README.md", ".env.example", "render.yaml", "docker-compose.yml", "Dockerfile"])
def test_every_variable_named_exists(name: str) -> None:
    """No file names a setting that is not one."""
    known = {variable(field) for field in Settings.model_fields}
    text = ROOT.joinpath(name).read_text("utf-8")
    assert set() == set(re.findall(r"FARMLOKAL_[A-Z0-9_]*[A-Z0-9]", text)) - known


async def test_every_route_is_in_the_table(tmp_path: Path) -> None:
    """README's table has each route of the application."""
    app = create_app(settings_for(sqlite_url(tmp_path)))
    for route in app.router.routes():
        if route.method != "HEAD" and route.resource is not None:
            assert documented(f"{route.method} {route.resource.canonical}"), route


@pytest.mark.parametrize("name", ["category", *(parameter.name for parameter in PARAMETERS)])
def test_every_parameter_is_in_the_table(name: str) -> None:
    """README's table has each parameter of the listing."""
    assert documented(name)


def test_every_command_is_in_the_table() -> None:
    """README's table has each command."""
    register_commands()

    def paths(command: click.Command, prefix: str) -> list[str]:
        if not isinstance(command, click.Group):
            return [prefix]
        return [path for name, one in command.commands.items() for path in paths(one, f"{prefix} {name}")]

    for path in paths(cli, "farmlokal"):
        assert documented(path), path
