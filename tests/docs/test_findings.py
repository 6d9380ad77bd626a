"""The form of `findings/`: no script is run here, each needs the package indexes."""

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "findings"
SCRIPTS = sorted(FOLDER.glob("*.sh"))
FIELDS = ["Expected", "Observed", "Versions", "For us", "Source"]

_INSTALLS = re.compile(r"(?:bin/pip\"|npm) install (?:[^\n\\]|\\\n)*")
_QUOTED = re.compile(r"""(?<=[ ])['"]([^'"$ ][^'" ]*)['"]""")
_PINNED = re.compile(r"(@?[\w./-]+)(?:==|@)(\$?[\w.]+)")


def head_of(script: Path) -> str:
    """The comment above the code, on one line."""
    head, _ = script.read_text("utf-8").split("\nset -euo pipefail\n")
    return " ".join(head.replace("\n#", " ").split())


def test_there_are_findings() -> None:
    """The other tests have something to look at."""
    assert SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_says_what_it_is(script: Path) -> None:
    """It can be run, stops at its first fault, and its head has each field once, in order, behind a sentence."""
    text = script.read_text("utf-8")
    shebang, title, *_ = text.splitlines()
    assert "#!/usr/bin/env bash" == shebang
    assert re.fullmatch(r"# .+\.", title)
    assert os.access(script, os.X_OK)
    head, body = text.split("\nset -euo pipefail\n")
    assert FIELDS == re.findall(r"^# ([A-Z][a-z]+(?: us)?): +\S", head, re.MULTILINE)
    assert "as observed:" in body


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_leaves_nothing_behind(script: Path) -> None:
    """It works in a temporary folder, and takes that away however it ends."""
    text = script.read_text("utf-8")
    assert "folder=$(mktemp -d)\n" in text
    assert re.search(r"^trap '.*rm -rf \"\$folder\"' EXIT$", text, re.MULTILINE)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_every_package_is_pinned(script: Path) -> None:
    """Whatever is installed has its version, and that stands in the head as well."""
    _, body = script.read_text("utf-8").split("\nset -euo pipefail\n")
    packages = [package for command in _INSTALLS.findall(body) for package in _QUOTED.findall(command)]
    assert packages
    for package in packages:
        pinned = _PINNED.fullmatch(package)
        assert pinned is not None, package
        name, version = pinned.groups()
        if not version.startswith("$"):  # one that the script tries several of
            assert re.search(rf"{re.escape(name)} {re.escape(version)}\b", head_of(script)), package


def test_the_table_has_each_script() -> None:
    """README's table lists the scripts that there are, in their order."""
    listed = re.findall(r"^\| `(.+\.sh)` \|", FOLDER.joinpath("README.md").read_text("utf-8"), re.MULTILINE)
    assert [script.name for script in SCRIPTS] == listed


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_what_a_head_points_to_exists(script: Path) -> None:
    """Each file of ours that it names is there, and each section of `docs/` that it names is a heading of that page."""
    head = head_of(script)
    for path in re.findall(r"\b(?:docs|tests|farmlokal)/[\w./-]+\w", head):
        assert ROOT.joinpath(path).exists(), path
    for page, section in re.findall(r"(docs/\w[\w-]*\.md),? ?\(?,? ?\"([^\"]+)\"", head):
        assert re.search(rf"^#+ {re.escape(section)}$", ROOT.joinpath(page).read_text("utf-8"), re.MULTILINE), section


@pytest.mark.parametrize("page", sorted(ROOT.joinpath("docs").glob("*.md")), ids=lambda page: page.stem)
def test_what_docs_show_by_a_finding_exists(page: Path) -> None:
    """Every script that a page names is there."""
    named = re.findall(r"`(?:findings/)?([\w-]+\.sh)`", page.read_text("utf-8"))
    assert set() == set(named) - {script.name for script in SCRIPTS}
