"""What the columns of somebody's list mean: a TOML file, one of ours or an operator's.

Every fault of such a file is told at once, each with its line and its place in it. docs/market-files.md explains the
keys; forms/mappings/ has those that ship.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NamedTuple

from farmlokal.catalog.imports.forms.mapping_check import FIELDS, Kind, Problem, problems
from farmlokal.errors import ImportRefused

MAPPING_BYTES_MAX = 256 * 1024
_SHIPPED = "mappings"
_TABLE = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")


class UnitRule(NamedTuple):
    """What a unit of a list is here. per: for how many of it the list's price is."""

    unit: str
    per: int = 1


class Carry(NamedTuple):
    """Columns that a list fills in on the first of the rows with one value of the column `by`, and on no other."""

    by: str
    columns: tuple[str, ...]


class ListMapping(NamedTuple):
    """What a list's columns mean. name: for messages. title: what it is a list of.

    kind: what a row is, a product or a market's price. columns: those that make up each of its fields, joined by a
    blank. id: the columns whose values together name a product. optional: columns that a file may lack. values:
    translations of a field's words, by the word in lower case. html: fields whose cells are HTML. only: the words, in
    lower case, that a column must have.
    """

    name: str
    title: str
    kind: Kind
    source: str | None
    id: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    optional: tuple[str, ...]
    defaults: Mapping[str, str]
    units: Mapping[str, UnitRule]
    values: Mapping[str, Mapping[str, str]]
    html: tuple[str, ...]
    day_first: bool | None
    decimal: str | None
    skip_without: tuple[str, ...]
    carry: Carry | None
    only: Mapping[str, frozenset[str]]
    sheet: str | None

    @property
    def named(self) -> dict[str, str]:
        """Every column that the mapping names, with the place in it that does so first."""
        places: dict[str, str] = {}
        for place, columns in self._places():
            for column in columns:
                places.setdefault(column, place)
        return places

    def _places(self) -> Iterator[tuple[str, Sequence[str]]]:
        yield "id", self.id
        for field, columns in self.columns.items():
            yield f"columns.{field}", columns
        yield "skip_without", self.skip_without
        if self.carry is not None:
            yield "carry", (self.carry.by, *self.carry.columns)
        for column in self.only:
            yield "only", (column,)


def load_mapping(name: str) -> ListMapping:
    """The mapping of the file `name`, or the one of ours with this name. Raises ImportRefused."""
    shipped = _folder().joinpath(f"{name}.toml")
    if re.fullmatch(r"[a-z-]+", name) and shipped.is_file():
        return _shipped(name)
    path = Path(name)
    try:
        with path.open("rb") as file:
            text = file.read(MAPPING_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        known = ", ".join(shipped_names())
        reason = getattr(error, "strerror", None) or error
        raise ImportRefused(f"{name}: cannot be read: {reason}; the mappings that ship are {known}") from error
    if len(text) > MAPPING_BYTES_MAX:
        raise ImportRefused(f"{name}: is larger than {MAPPING_BYTES_MAX // 1024} KiB, and no mapping")
    try:
        return parse_mapping(name, text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ImportRefused(f"{name}: is not UTF-8 text") from error


def parse_mapping(name: str, text: str) -> ListMapping:
    """The mapping that `text` holds. Raises ImportRefused, which lists every fault, one a line."""
    try:
        said = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ImportRefused(f"{name}: is no TOML: {error}") from error
    if found := problems(said):
        lines = [f"{name}:{_line_of(text, problem)}: {problem.path}: {problem.detail}" for problem in found]
        raise ImportRefused("\n".join(lines))
    return _mapping(name, said)


@cache
def shipped_names() -> tuple[str, ...]:
    """The names of the mappings that ship."""
    return tuple(sorted(item.name.removesuffix(".toml") for item in _folder().iterdir() if item.name.endswith(".toml")))


@cache
def shipped_mappings() -> tuple[ListMapping, ...]:
    """The mappings that ship, in the order of their names."""
    return tuple(map(_shipped, shipped_names()))


@cache
def _shipped(name: str) -> ListMapping:
    return parse_mapping(name, _folder().joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def _folder() -> Traversable:
    return files(__package__).joinpath(_SHIPPED)


def _mapping(name: str, said: Mapping[str, Any]) -> ListMapping:
    kind: Kind = said.get("rows", "products")
    carry = said.get("carry")
    return ListMapping(
        name=name,
        title=said.get("title", f"a list that the mapping {name} explains"),
        kind=kind,
        source=said.get("source"),
        id=_several(said.get("id", ())),
        columns={field: _several(said["columns"][field]) for field in FIELDS[kind] if field in said["columns"]},
        optional=tuple(said.get("optional", ())),
        defaults={field: _plain(value) for field, value in said.get("defaults", {}).items()},
        units={
            word.lower(): UnitRule(rule) if isinstance(rule, str) else UnitRule(rule["unit"], rule.get("per", 1))
            for word, rule in said.get("units", {}).items()
        },
        values={
            field: {word.lower(): meant for word, meant in words.items()}
            for field, words in said.get("values", {}).items()
        },
        html=tuple(said.get("html", ())),
        day_first={"day-first": True, "month-first": False}.get(said.get("dates", "")),
        decimal=said.get("decimal"),
        skip_without=tuple(said.get("skip_without", ())),
        carry=None if carry is None else Carry(carry["by"], tuple(carry["columns"])),
        only={column: frozenset(word.lower() for word in words) for column, words in said.get("only", {}).items()},
        sheet=said.get("sheet"),
    )


def _several(said: str | Sequence[str]) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _line_of(text: str, problem: Problem) -> int:
    """The line on which the key of a problem stands; that of its table, or the first, where it stands nowhere."""
    *above, key = problem.keys or ("",)
    table: list[str] = []
    fallback = 1
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _TABLE.match(line):
            table = [part.strip().strip("\"'") for part in match[1].split(".")]
            if table == list(problem.keys):
                return number
            if table == above or table == above[:1]:
                fallback = number
        elif table == above and _is_key(line, key):
            return number
        elif above and table == above[:-1] and _is_key(line, above[-1]):  # a table within its line
            fallback = number
    return fallback


def _is_key(line: str, key: str) -> bool:
    return re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line) is not None
