"""The documentation says what the code does."""

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
from tests.parameter_table import BEGIN, END, markdown
from tests.service import settings_for, sqlite_url
from tests.web.api_document import document, operation

ROOT = Path(__file__).parents[1]
README = ROOT.joinpath("README.md").read_text("utf-8")
API = ROOT.joinpath("docs", "api.md").read_text("utf-8")
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


async def test_every_route_is_documented(tmp_path: Path) -> None:
    """README's table and the OpenAPI document have each route of the application; HEAD and OPTIONS follow from them."""
    app = create_app(settings_for(sqlite_url(tmp_path)))
    for route in app.router.routes():
        if route.method not in ("HEAD", "OPTIONS") and route.resource is not None:
            path = route.resource.canonical
            assert documented(f"{route.method} {path}"), route
            assert route.method.lower() in document()["paths"].get(path, {}), route


@pytest.mark.parametrize("name", TABLE.parameters)
def test_every_parameter_is_documented(name: str) -> None:
    """README's table and the OpenAPI document have each parameter of the listing."""
    assert documented(name)
    assert name in {parameter.get("name") for parameter in operation("listProducts")["parameters"]}


def test_the_table_of_parameters_is_the_codes() -> None:
    """docs/api.md has, between its markers, the table that `python -m tests.parameter_table` prints."""
    _, begin, rest = API.partition(BEGIN)
    written, end, _ = rest.partition(END)
    assert (BEGIN, END) == (begin, end)
    assert markdown() == written.strip()


def test_every_parameter_of_any_route_is_documented() -> None:
    """No route takes a parameter that neither README nor docs/api.md names."""
    text = README + API
    for route in ROUTES:
        for parameter in route.operation.parameters:
            assert re.search(rf"[`?{{]{re.escape(parameter.name)}[`=}}]", text), (route.path, parameter.name)


@pytest.mark.parametrize("name", PROBLEM_TYPES)
def test_every_problem_type_is_in_its_table(name: str) -> None:
    """The table in docs/api.md has each problem type with its status."""
    (row,) = [row for row in API.splitlines() if row.startswith(f"| `{name}` ")]
    assert str(PROBLEM_TYPES[name].status) == row.split("|")[2].strip()


def test_every_command_is_in_the_table() -> None:
    """README's table has each command."""

    def paths(command: click.Command, prefix: str) -> list[str]:
        if not isinstance(command, click.Group):
            return [prefix]
        return [path for name, one in command.commands.items() for path in paths(one, f"{prefix} {name}")]

    for path in paths(cli, "farmlokal"):
        assert documented(path), path


METRICS_TABLE = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in ROOT.joinpath("docs", "metrics.md").read_text("utf-8").splitlines()
    if line.startswith("| `")
]


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
        for folder, pattern in (("docs", "*.md"), ("deploy", "**/*"), (".", "README.md"))
        for path in ROOT.joinpath(folder).glob(pattern)
        if path.is_file()
        for name in re.findall(
            r"\bfarmlokal_[a-z_]*(?:_total|_seconds|_bytes|_info|_ready|_workers|_up|_state|_bucket|_count|_sum)\b",
            path.read_text("utf-8", "replace"),
        )
    }
    assert set() == {(file, name) for file, name in named if name not in known | parts}
