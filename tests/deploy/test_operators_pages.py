"""What the operator reads is true of the program: links, settings, commands, log lines, metrics."""

import re
from pathlib import Path

import click
import pytest

from farmlokal.cli.main import cli
from farmlokal.settings import Settings, variable
from farmlokal.telemetry.metrics import BY_NAME
from tests.deploy.deploy_files import DEPLOY, ROOT, metric_names

OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
SOURCES = "\n".join(path.read_text("utf-8") for path in (ROOT / "farmlokal").rglob("*.py"))
PAGES = [ROOT / "docs" / "operations.md", ROOT / "SECURITY.md", *(path for path in DEPLOY.rglob("*") if path.is_file())]


def anchor(heading: str) -> str:
    """The anchor that the forge gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_link_leads_somewhere() -> None:
    """Each anchor that a page links to is a heading of it, and each file is there."""
    for page in (path for path in PAGES if path.suffix == ".md"):
        text = page.read_text("utf-8")
        anchors = {anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
        assert set() == set(re.findall(r"\(#([^)]+)\)", text)) - anchors, page
        for name in re.findall(r"\]\(([\w/-]+\.md)\)", text):
            assert (page.parent / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    """No page and no file in deploy/ names a setting that is none."""
    known = {variable(field) for field in Settings.model_fields}
    assert set() == set(re.findall(r"FARMLOKAL_[A-Z0-9_]*[A-Z0-9]", page.read_text("utf-8"))) - known


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_metric_that_is_named_exists(page: Path) -> None:
    """No page and no file in deploy/ names a metric that is none."""
    assert set() == metric_names(page.read_text("utf-8")) - set(BY_NAME)


def test_every_command_that_is_named_exists() -> None:
    """Each `farmlokal …` is a command, and each of its options one that it has."""
    for text in re.findall(r"`farmlokal ([^`]+)`", OPERATIONS):
        words = text.split()
        command: click.Command = cli
        while isinstance(command, click.Group):
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert set() == {word for word in words if word.startswith("--")} - options, text


def explained_lines() -> list[str]:
    """The log lines in the page's table; one that ends in … is the beginning of what is written."""
    table = OPERATIONS.partition("| line | means |")[2].partition("\n\n")[0]
    return [line for row in table.splitlines()[2:] for line in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_every_log_line_that_is_explained_is_written_somewhere() -> None:
    """The table quotes log lines as the code writes them."""
    assert explained_lines()
    for line in explained_lines():
        assert f'"{line.removesuffix("…")}' in SOURCES, line


def test_every_line_about_a_dependency_is_explained() -> None:
    """What the log says when a dependency goes away, and when it is back, is in the table."""
    written = re.findall(r'\b(?:away|back)="([^"]+)"', SOURCES)
    assert written
    for line in written:
        assert any(line.startswith(known.removesuffix("…")) for known in explained_lines()), line
