"""The rules of a mapping file, checked all together: what each key may hold, and what must be there."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from farmlokal.catalog import records
from farmlokal.catalog.imports.market_rows import MarketRow
from farmlokal.catalog.imports.wire_files import FIELDS as WIRE_FIELDS

Kind = Literal["products", "prices"]

FIELDS: Mapping[str, tuple[str, ...]] = {
    # A product's id is made of the columns under `id`, its source stands above all rows.
    "products": tuple(field for field in WIRE_FIELDS if field not in ("external_id", "source")),
    "prices": MarketRow._fields,
}
# A category that nobody names is `other`; a version that nobody has is the time at which the file was changed.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "products": ("name", "price", "unit"),
    "prices": ("state", "district", "market", "commodity", "variety", "grade", "arrival_date", "modal_price"),
}
_PER_MAX = 1_000_000


class Problem(NamedTuple):
    """One thing that is wrong with a mapping. keys: where, from the outermost table inward."""

    keys: tuple[str, ...]
    detail: str

    @property
    def path(self) -> str:
        """The place as TOML writes it: `columns.price`."""
        return ".".join(self.keys)


Check = Callable[[Any, tuple[str, ...], str], Iterator[Problem]]


def problems(said: Mapping[str, Any]) -> list[Problem]:
    """Everything that is wrong with a mapping. said: the file, decoded."""
    kind = said.get("rows", "products")
    kind = kind if kind in FIELDS else "products"
    found: list[Problem] = []
    for key, value in said.items():
        if key in _CHECKS:
            found += _CHECKS[key](value, (key,), kind)
        else:
            found.append(Problem((key,), f"is no key of a mapping: {', '.join(_CHECKS)} are"))
    return found + list(_lacking(said, kind))


def _lacking(said: Mapping[str, Any], kind: str) -> Iterator[Problem]:
    columns, defaults = (said[key] if isinstance(said.get(key), dict) else {} for key in ("columns", "defaults"))
    for field in REQUIRED[kind]:
        if field not in columns and field not in defaults:
            yield Problem(("columns", field), "must be given: the column, or the same for all rows under defaults")
    if kind == "products" and "id" not in said:
        yield Problem(("id",), "must be given: the columns whose values together tell one product from all others")
    if kind == "prices":
        for key in ("id", "units", "source"):
            if key in said:
                yield Problem(
                    (key,), "belongs to a list of products: of market prices it follows from the other fields"
                )


def _text(value: Any, keys: tuple[str, ...], kind: str) -> Iterator[Problem]:
    if not isinstance(value, str) or not value.strip():
        yield Problem(keys, f"must be a text, not {value!r}")


def _source(value: Any, keys: tuple[str, ...], kind: str) -> Iterator[Problem]:
    if not isinstance(value, str) or not 0 < len(value) <= records.SOURCE_CHARS_MAX:
        yield Problem(keys, f"must be a text of 1 to {records.SOURCE_CHARS_MAX} characters, not {value!r}")


def _one_of(*allowed: str) -> Check:
    def check(value: Any, keys: tuple[str, ...], kind: str) -> Iterator[Problem]:
        if value not in allowed:
            yield Problem(keys, f"must be one of {', '.join(map(repr, allowed))}, not {value!r}")

    return check


def _texts(value: Any, keys: tuple[str, ...], kind: str) -> Iterator[Problem]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        yield Problem(keys, f'must be a list of texts, such as ["a", "b"], not {value!r}')


def _fields(value: Any, keys: tuple[str, ...], kind: str) -> Iterator[Problem]:
    if not isinstance(value, list) or not value or not all(one in FIELDS[kind] for one in value):
        yield Problem(keys, f"must be a list of fields of {kind}, which are {', '.join(FIELDS[kind])}, not {value!r}")


def _text_or_texts(value: Any, keys: tuple[str, ...], kind: str) -> Iterator[Problem]:
    if not isinstance(value, str) or not value.strip():
        yield from _texts(value, keys, kind)


def _table_of(check: Check, *, fields: bool) -> Check:
    """Checks a table: each value by `check`, and its names by the fields of a row where they are such."""

    def check_table(value: Any, keys: tuple[str, ...], kind: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(keys, f"must be a table, not {value!r}")
            return
        for name, one in value.items():
            if fields and name not in FIELDS[kind]:
                yield Problem((*keys, name), f"is no field of {kind}: {', '.join(FIELDS[kind])} are")
            else:
                yield from check(one, (*keys, name), kind)

    return check_table


def _plain(value: Any, keys: tuple[str, ...], kind: str) -> Iterator[Problem]:
    if not isinstance(value, str | int | float):
        yield Problem(keys, f"must be a text, a number, true or false, not {value!r}")


def _unit(value: Any, keys: tuple[str, ...], kind: str) -> Iterator[Problem]:
    if isinstance(value, str) and value:
        return
    if not isinstance(value, dict) or not isinstance(value.get("unit"), str) or not set(value) <= {"unit", "per"}:
        yield Problem(keys, f'must be a unit, or such as {{ unit = "kg", per = 100 }}, not {value!r}')
        return
    per = value.get("per", 1)
    if not isinstance(per, int) or isinstance(per, bool) or not 1 <= per <= _PER_MAX:
        yield Problem((*keys, "per"), f"must be a whole number from 1 to {_PER_MAX}, not {per!r}")


def _carry(value: Any, keys: tuple[str, ...], kind: str) -> Iterator[Problem]:
    if not isinstance(value, dict) or set(value) != {"by", "columns"}:
        yield Problem(
            keys, f'must be a table of by and columns, such as {{ by = "Handle", columns = ["Title"] }}, not {value!r}'
        )
        return
    yield from _text(value["by"], (*keys, "by"), kind)
    yield from _texts(value["columns"], (*keys, "columns"), kind)


_CHECKS: Mapping[str, Check] = {
    "title": _text,
    "rows": _one_of("products", "prices"),
    "source": _source,
    "id": _text_or_texts,
    "columns": _table_of(_text_or_texts, fields=True),
    "optional": _texts,
    "defaults": _table_of(_plain, fields=True),
    "units": _table_of(_unit, fields=False),
    "values": _table_of(_table_of(_text, fields=False), fields=True),
    "html": _fields,
    "dates": _one_of("day-first", "month-first"),
    "decimal": _one_of(".", ","),
    "skip_without": _texts,
    "carry": _carry,
    "only": _table_of(_texts, fields=False),
    "sheet": _text,
}
