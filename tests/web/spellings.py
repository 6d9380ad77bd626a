"""Questions drawn from a table of what may be asked, and the many ways to write each of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote, quote_plus

from hypothesis import strategies as st

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.normalise import text_key
from farmlokal.catalog.question.filters import IDS
from farmlokal.catalog.question.forms import CATEGORY, FLAG, PLACE, PRICE, RATING, UNIT, WORDS
from farmlokal.catalog.question.near import POINT, RADIUS, Point
from farmlokal.catalog.question.parameter import QuestionParameter
from farmlokal.catalog.question.query import LIMIT_DEFAULT, Filters, ListingQuery, default_sort
from farmlokal.catalog.question.sorts import Position, sorts_of
from farmlokal.catalog.question.table import TABLE, Contradictions, QuestionTable
from farmlokal.database.dialect import decimal_string
from tests.catalog.walking import SIGNER

Pairs = list[tuple[str, str]]

# What separates and escapes in a query string, letters with more than one spelling, and scripts of India.
awkward = st.text(alphabet="&=%,;+#?/'\" aAbßİéÉ\u017f\u0131\u0301\uff41①पुणेக್ಕ", min_size=1, max_size=12)
printable = st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
places = st.one_of(awkward, printable).map(text_key).filter(lambda key: 1 <= len(key) <= 100)
paise = st.integers(0, 999_999_999_99) | st.integers(0, 300)
ids = st.integers(1, 2**63 - 1)

points = st.builds(Point, st.integers(-90_000, 90_000), st.integers(-180_000, 180_000)).map(str).map(POINT.parse)

positions = st.builds(Position, st.text(max_size=10) | st.integers(-1, 10**11), ids, st.booleans())


def values_of(parameter: QuestionParameter) -> st.SearchStrategy[Any]:
    """Values that a parameter may have, by its form."""
    schema = parameter.form.schema
    if parameter.form is PLACE:
        one: st.SearchStrategy[Any] = places
    elif parameter.form is PRICE:
        one = paise
    elif parameter.form is WORDS:
        # What words mean, depends on more than themselves.
        one = st.none()
    elif parameter.form is POINT:
        one = points
    elif parameter.form is RATING:
        one = st.integers(1, 501)
    elif parameter.form is UNIT:
        one = st.sampled_from(["kg", "dozen", "KG", "100 g", "किलो", "a&b=c,d"])
    elif parameter.form is RADIUS:
        one = st.integers(1, 5000) | st.integers(1, 30)
    elif "enum" in schema:
        one = st.sampled_from(schema["enum"]).map(parameter.form.parse)
    elif schema["type"] == "integer":
        least, most = schema["minimum"], schema["maximum"]
        one = st.integers(least, most) | st.integers(least, min(most, least + 2))
    else:
        assert schema["type"] == "boolean"
        one = st.booleans()
    return one if parameter.several is None else st.lists(one, max_size=4)


@st.composite
def filters_of(draw: st.DrawFn, table: QuestionTable = TABLE) -> Filters:
    """Filters that a client can ask for, in canonical form."""
    parameters = [parameter for one in table.filters for parameter in one.parameters]
    given_ones = draw(st.lists(st.sampled_from(parameters), unique=True, max_size=len(parameters)))
    values = {parameter.name: draw(values_of(parameter)) for parameter in given_ones}
    while True:
        try:
            return table.filters_of(values)
        except Contradictions as error:
            for one in error.found:
                del values[one.parameter]


@st.composite
def questions(draw: st.DrawFn, table: QuestionTable = TABLE) -> ListingQuery:
    """Any question that a client can ask, in canonical form."""
    filters = draw(filters_of(table))
    if filters.get(IDS) is not None:
        # One page, in the order of the ids.
        return ListingQuery(filters, default_sort(filters))
    # What a filter brings exists with that filter alone.
    sorts = [*sorts_of(table.sort_keys).values(), default_sort(filters)]
    limit = draw(st.integers(1, 100) | st.just(LIMIT_DEFAULT))
    return ListingQuery(filters, draw(st.sampled_from(sorts)), limit, draw(st.none() | positions))


def number_spellings(text: str) -> list[str]:
    """`text`, a decimal number with two places, in every form that means the same."""
    spellings = [text, f"00{text}"]
    if text.endswith("0"):
        spellings.append(text[:-1])
    if text.endswith(".00"):
        spellings += [text[:-3], f"0{text[:-3]}"]
    return spellings


def point_spellings(text: str) -> list[str]:
    """`text`, a place in canonical form, in some of the many forms that mean the same."""
    lat, lon = (f"{float(part):.3f}" for part in text.split(","))
    spellings = [text, f"{lat},{lon}", f"{lat} , {lon}0", f"{lat}4,{lon}4999"]
    if lon == "180.000":
        spellings.append(f"{lat},-180")
    if lat in ("90.000", "-90.000"):
        spellings += [f"{lat},77", f"{lat},-180.0"]
        spellings.remove(f"{lat}4,{lon}4999")
    elif lon == "180.000":
        spellings.remove(f"{lat}4,{lon}4999")
    if lat == "0.000":
        spellings.append(f"-0,{lon}")
    return spellings


def swap_ascii_case(text: str, swapped: list[bool]) -> str:
    """`text` with the case of some of its ASCII letters swapped."""
    return "".join(
        char.swapcase() if char.isascii() and swap else char for char, swap in zip(text, swapped, strict=True)
    )


@st.composite
def spellings(draw: st.DrawFn, query: ListingQuery, table: QuestionTable = TABLE) -> str:
    """A query string that asks `query`, written in one of the many ways that there are."""
    pairs: Pairs = []
    several: dict[str, list[str]] = {}
    for name, text in query.filters.texts():
        parameter = table.parameters[name]
        if parameter.several is None:
            pairs.append((name, draw(_spelling(parameter, text))))
        else:
            several.setdefault(name, []).extend(text.split(",") if parameter.several.commas else [text])
    for name, texts in several.items():
        pairs += draw(_several_pairs(table.parameters[name], texts))
    asked = {name.removesuffix("[]") for name, _ in pairs}
    if "min_price" not in asked and draw(st.booleans()):
        pairs.append(("min_price", draw(st.sampled_from(number_spellings(decimal_string(0))))))
    if "category" not in asked and draw(st.booleans()):
        pairs.append(("category", ",".join(draw(st.permutations(CATEGORIES)))))
    alone = query.filters.get(IDS) is not None
    if not alone and (query.sort != default_sort(query.filters) or draw(st.booleans())):
        pairs.append(("sort", str(query.sort)))
    if not alone and (query.limit != LIMIT_DEFAULT or draw(st.booleans())):
        pairs.append(("limit", draw(st.sampled_from(["", "0"])) + str(query.limit)))
    if query.position is not None:
        pairs.append(("cursor", SIGNER.seal(query, query.position)))
    return draw(_query_string(pairs))


@st.composite
def _spelling(draw: st.DrawFn, parameter: QuestionParameter, text: str) -> str:
    """One of the texts that mean what the canonical `text` means."""
    if parameter.form is PRICE:
        return draw(st.sampled_from(number_spellings(text)))
    if parameter.form is POINT:
        return draw(st.sampled_from(point_spellings(text)))
    if parameter.form is RADIUS:
        return (
            draw(st.sampled_from(["", "0", "00"])) + text + draw(st.sampled_from([""] if "." in text else ["", ".0"]))
        )
    if parameter.form is PLACE:
        swapped = draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
        return draw(st.sampled_from(["", " "])) + swap_ascii_case(text, swapped) + "  "
    if parameter.form.schema["type"] == "integer":
        return draw(st.sampled_from(["", "0", "000"])) + text
    if parameter.form is RATING:
        zeros = [".0", ".00"] if "." not in text else ["0"] if len(text) == 3 else [""]
        return draw(st.sampled_from(["", "0"])) + text + draw(st.sampled_from(["", *zeros]))
    if parameter.form is CATEGORY:
        return draw(st.sampled_from([text, text.upper(), text.title()]))
    if parameter.form is FLAG:
        return draw(st.sampled_from([text, text.title(), text.upper(), "1" if text == "true" else "0"]))
    return text


@st.composite
def _several_pairs(draw: st.DrawFn, parameter: QuestionParameter, texts: list[str]) -> Pairs:
    """A parameter of several values: some twice, each in one of its spellings, with brackets or none.

    In one list or in several, where commas may stand between them. Ids keep their order: so they are one list.
    """
    repeated = [*texts, *draw(st.lists(st.sampled_from(texts), max_size=3))]
    ordered = repeated if parameter.name == "ids" else draw(st.permutations(repeated))
    written = [draw(_spelling(parameter, text)) for text in ordered]
    name = st.sampled_from([parameter.name, f"{parameter.name}[]"])
    if parameter.several is not None and not parameter.several.commas:
        return [(draw(name), text) for text in written]
    cut = 0 if parameter.name == "ids" else draw(st.integers(0, len(written) - 1))
    return [(draw(name), ",".join(part)) for part in (written[:cut], written[cut:]) if part]


def escape_every_byte(text: str) -> str:
    """`text` with nothing left as it was."""
    return "".join(f"%{byte:02x}" for byte in text.encode())


@st.composite
def _query_string(draw: st.DrawFn, pairs: Pairs) -> str:
    """`pairs` in any order, each escaped by one of three customs, with empty pairs between."""
    customs: list[Callable[[str], str]] = [quote, quote_plus, escape_every_byte]
    parts = []
    for name, value in draw(st.permutations(pairs)):
        custom = draw(st.sampled_from(customs))
        parts.append(f"{custom(name)}={custom(value)}")
    return draw(st.sampled_from(["&", "&&"])).join(parts)


def check_one_difference(query: ListingQuery, other: ListingQuery, table: QuestionTable) -> None:
    """Assert that `query` with any single thing of `other` has another canonical form, unless it is no other."""
    for name in ("sort", "limit", "position"):
        changed = replace(query, **{name: getattr(other, name)})
        assert (changed == query) == (changed.canonical() == query.canonical())
    for row in table.filters:
        value = other.filters.get(row)
        kept = [(one, old) for one, old in query.filters if one is not row]
        asked = [*kept, *([] if value is None else [(row, value)])]
        changed = replace(query, filters=Filters(sorted(asked, key=lambda pair: table.filters.index(pair[0]))))
        assert (changed == query) == (changed.canonical() == query.canonical())
