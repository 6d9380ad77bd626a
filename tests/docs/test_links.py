"""The pages lead where they say: links, anchors, and the files that they name."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, links, pages, rows, text_of

README_LINES_MAX = 150
# What stands in backquotes and is a path: with a folder before it, or one of the files at the top.
_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w.-]+\.(?:md|sql|toml|yml|yaml)|\.env\.example)`")


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Each relative link of a page goes to a file that is there, and its anchor to a heading of that."""
    lost = []
    for link in links(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            lost.append(link)
    assert [] == lost


def test_readme_is_short() -> None:
    """README is a front door: what it is, how to start, where to go on."""
    assert len(text_of("README.md").splitlines()) <= README_LINES_MAX


def test_every_page_is_reached_from_readme() -> None:
    """Whoever begins at README comes to every page in docs/ by links."""
    reached: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        names = (link.partition("#")[0] for link in links(page.read_text("utf-8")) if not re.match(r"[a-z]+:", link))
        ahead += [(page.parent / name).resolve() for name in names if name]
    assert set() == set(ROOT.joinpath("docs").glob("*.md")) - reached


def changes() -> list[list[str]]:
    """The rows of CONTRIBUTING's table of changes: what is to be changed, and where."""
    table = text_of("CONTRIBUTING.md").partition("## Where does my change go")[2].partition("\n## ")[0]
    return list(rows(table))[2:]


@pytest.mark.parametrize("change", changes(), ids=lambda change: change[0])
def test_a_change_goes_to_files_that_exist(change: list[str]) -> None:
    """Each row of CONTRIBUTING's table names files, and every one of them is there."""
    named = _PATH.findall(change[1])
    assert named
    assert [] == [name for name in named if not ROOT.joinpath(name).exists()]


@pytest.mark.parametrize(
    "change",
    [
        "a filter on a column that is there",
        "a filter with a new column",
        "a sort",
        "a route",
        "a route without a limit",
        "a setting",
        "a metric",
        "the jitter of lifetimes",
        "a header on every answer",
        "an event type",
        "a further database",
        "a count in the sync's result",
    ],
)
def test_the_changes_that_people_ask_for_have_a_row(change: str) -> None:
    """CONTRIBUTING's table has a row for each of the usual changes."""
    assert 1 == [row[0] for row in changes()].count(change)


def test_the_map_has_every_folder_of_the_package() -> None:
    """The code map in docs/architecture.md has one row for each folder with code, and none for another."""
    table = text_of("docs/architecture.md").partition("## The code map")[2].partition("\n## ")[0]
    mapped = [row[0].strip("`") for row in rows(table)][2:]
    packages = {str(path.parent.relative_to(ROOT)) for path in ROOT.joinpath("farmlokal").rglob("*.py")}
    assert sorted(packages - {"farmlokal"}) == sorted(mapped)
