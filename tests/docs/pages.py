"""The pages of the documentation: which there are, and what stands in them."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FOLDERS = ("docs", "deploy", "findings", "loadtest", "tests")
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def pages() -> list[Path]:
    """Every Markdown file of the project."""
    below = [path for folder in _FOLDERS for path in ROOT.joinpath(folder).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *below])


def text_of(name: str) -> str:
    """The text of a page, by its path from the top folder."""
    return ROOT.joinpath(name).read_text("utf-8")


def fenced(text: str, language: str) -> list[str]:
    """The blocks of code in `language`, in their order."""
    return [body for found, body in _FENCE.findall(text) if found == language]


def prose(text: str) -> str:
    """`text` without its blocks of code."""
    return _FENCE.sub("", text)


def links(text: str) -> list[str]:
    """Where the links and images lead."""
    return _LINK.findall(_CODE.sub("", prose(text)))


def anchors(text: str) -> set[str]:
    """What `#…` may name: the forge's name of each heading, the second of one name with -1 behind it, and so on."""
    names: set[str] = set()
    for heading in _HEADING.findall(prose(text)):
        name = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        number = 0
        while (numbered := f"{name}-{number}" if number else name) in names:
            number += 1
        names.add(numbered)
    return names


def rows(text: str) -> Iterator[list[str]]:
    """The rows of all tables, as their cells; headings and rulers too."""
    for line in prose(text).splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]
