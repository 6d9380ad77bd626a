"""The tables of the documentation have what the code has: routes, settings, parameters, problems, commands, metrics."""

import re
from pathlib import Path

import click
import pytest

from farmlokal.app.factory import create_app
from farmlokal.catalog.question.table import TABLE
from farmlokal.cli.main import cli
from farmlokal.settings import Settings, variable
from farmlokal.telemetry.metrics import METRICS, Kind, Metric
from farmlokal.web.answers.problems import PROBLEM_TYPES
from farmlokal.web.routes import ROUTES
from tests.docs.pages import ROOT, pages, rows, text_of
from tests.support.service import settings_for, sqlite_url
from tests.web.api_document import document, operation

# They are none of the service's.
OF_THE_TESTS = re.compile(r"FARMLOKAL_(TEST_|REALDATA)")
README, API, SETTINGS, COMMANDS, PARTNER = map(
    text_of, ("README.md", "docs/api.md", "docs/settings.md", "docs/commands.md", "docs/partner.md")
)


def documented(page: str, text: str) -> bool:
    """Whether a table row of `page` begins with `text`."""
    return any(f"`{text}`" in row[0] or f"`{text} " in row[0] for row in rows(page))


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_in_the_table(field: str) -> None:
    """The table in docs/settings.md has each variable once, with its default."""
    (row,) = [row for row in rows(SETTINGS) if row[0] == f"`{variable(field)}`"]
    default = Settings.model_fields[field].default
    assert row[1] == f"`{default}`" if default is not None else not re.fullmatch(r"`\d+`", row[1])


def test_no_setting_is_documented_that_is_none() -> None:
    """The table in docs/settings.md has no row more than there are settings."""
    assert len(Settings.model_fields) == sum(row[0].startswith("`FARMLOKAL_") for row in rows(SETTINGS))


@pytest.mark.parametrize(
    "name",
    [
        *(str(path.relative_to(ROOT)) for path in pages()),
        ".env.example",
        "render.yaml",
        "docker-compose.yml",
        "Dockerfile",
    ],
)
def test_every_variable_named_exists(name: str) -> None:
    """No file names a setting that is not one."""
    known = {variable(field) for field in Settings.model_fields}
    named = set(re.findall(r"FARMLOKAL_[A-Z0-9_]*[A-Z0-9]", text_of(name)))
    assert set() == {variable for variable in named - known if not OF_THE_TESTS.match(variable)}


async def test_every_route_is_documented(tmp_path: Path) -> None:
    """README's table and the OpenAPI document have each route of the application; HEAD and OPTIONS follow from them."""
    app = create_app(settings_for(sqlite_url(tmp_path)))
    for route in app.router.routes():
        if route.method not in ("HEAD", "OPTIONS") and route.resource is not None:
            path = route.resource.canonical
            assert documented(README, f"{route.method} {path}"), route
            assert route.method.lower() in document()["paths"].get(path, {}), route


@pytest.mark.parametrize("name", TABLE.parameters)
def test_every_parameter_is_documented(name: str) -> None:
    """The table in docs/api.md and the OpenAPI document have each parameter of the listing."""
    assert documented(API, name)
    assert name in {parameter.get("name") for parameter in operation("listProducts")["parameters"]}


def test_every_parameter_of_any_route_is_documented() -> None:
    """No route takes a parameter that neither README nor a page for its callers names."""
    text = README + API + PARTNER
    for route in ROUTES:
        for parameter in route.operation.parameters:
            assert re.search(rf"[`?{{]{re.escape(parameter.name)}[`=}}]", text), (route.path, parameter.name)


@pytest.mark.parametrize("name", PROBLEM_TYPES)
def test_every_problem_type_is_in_its_table(name: str) -> None:
    """The table in docs/api.md has each problem type with its status."""
    (row,) = [row for row in rows(API) if row[0] == f"`{name}`"]
    assert str(PROBLEM_TYPES[name].status) == row[1]


def test_every_command_is_in_the_table() -> None:
    """The table in docs/commands.md has each command."""

    def paths(command: click.Command, prefix: str) -> list[str]:
        if not isinstance(command, click.Group):
            return [prefix]
        return [path for name, one in command.commands.items() for path in paths(one, f"{prefix} {name}")]

    for path in paths(cli, "farmlokal"):
        assert documented(COMMANDS, path), path


METRICS_TABLE = [row for row in rows(text_of("docs/metrics.md")) if row[0].startswith("`")]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_in_its_table(metric: Metric) -> None:
    """The table in docs/metrics.md has each metric with its type, its labels and their values, and its meaning."""
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    expected = [
        f"`{metric.name}`",
        metric.kind,
        metric.merge if metric.kind is Kind.GAUGE else "",
        f"{labels}: {' '.join(metric.values)}" if metric.values else labels,
        metric.meaning,
    ]
    assert expected in METRICS_TABLE


def test_no_metric_is_documented_that_is_none() -> None:
    """The table has no row more than there are metrics, and no file of ours names one that there is not."""
    assert len(METRICS) == len(METRICS_TABLE)
    known = {metric.name for metric in METRICS}
    parts = {f"{metric.name}_{part}" for metric in METRICS for part in ("bucket", "count", "sum")}
    named = {
        (path.name, name)
        for path in (*pages(), *ROOT.joinpath("deploy").rglob("*"))
        if path.is_file()
        for name in re.findall(
            r"\bfarmlokal_[a-z_]*(?:_total|_seconds|_bytes|_info|_ready|_workers|_up|_state|_bucket|_count|_sum)\b",
            path.read_text("utf-8", "replace"),
        )
    }
    assert set() == {(file, name) for file, name in named if name not in known | parts}
