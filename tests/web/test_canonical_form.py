"""The cache key: every spelling of a question has one canonical form, and two questions never have the same.

Questions and spellings are drawn from the table of what may be asked: a new row is tried without another line here.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from farmlokal.caching.value import Value
from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.normalise import text_key
from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.filter import Filter
from farmlokal.catalog.question.filters import DISTRICT
from farmlokal.catalog.question.forms import PLACE, PRICE
from farmlokal.catalog.question.parameter import QuestionParameter
from farmlokal.catalog.question.query import LIMIT_DEFAULT, Filters, ListingQuery
from farmlokal.catalog.question.sorts import SORT_DEFAULT, Position
from farmlokal.catalog.question.table import TABLE, Contradictions, QuestionTable
from farmlokal.database.dialect import decimal_string
from farmlokal.web.parameters.links import link_base, link_header
from farmlokal.web.parameters.listing import parse_listing_query

SIGNER = CursorSigner([b"only these tests know this key"])

Pairs = list[tuple[str, str]]

# What separates and escapes in a query string, letters with more than one spelling, and scripts of India.
awkward = st.text(alphabet="&=%,;+#?/'\" aAbßİéÉ\u017f\u0131\u0301\uff41①पुणेக್ಕ", min_size=1, max_size=12)
printable = st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
places = st.one_of(awkward, printable).map(text_key).filter(lambda key: 1 <= len(key) <= 100)
paise = st.integers(0, 999_999_999_99) | st.integers(0, 300)
ids = st.integers(1, 2**63 - 1)

positions = st.builds(Position, st.text(max_size=10) | st.integers(-1, 10**11), ids, st.booleans())


def values_of(parameter: QuestionParameter) -> st.SearchStrategy[Any]:
    """Values that a parameter may have, by its form."""
    schema = parameter.form.schema
    if parameter.form is PLACE:
        one: st.SearchStrategy[Any] = places
    elif parameter.form is PRICE:
        one = paise
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
    sort = draw(st.sampled_from(list(table.sorts.values())))
    limit = draw(st.integers(1, 100) | st.just(LIMIT_DEFAULT))
    return ListingQuery(draw(filters_of(table)), sort, limit, draw(st.none() | positions))


def number_spellings(text: str) -> list[str]:
    """`text`, a decimal number with two places, in every form that means the same."""
    spellings = [text, f"00{text}"]
    if text.endswith("0"):
        spellings.append(text[:-1])
    if text.endswith(".00"):
        spellings += [text[:-3], f"0{text[:-3]}"]
    return spellings


def swap_ascii_case(text: str, swapped: list[bool]) -> str:
    """`text` with the case of some of its ASCII letters swapped."""
    return "".join(
        char.swapcase() if char.isascii() and swap else char for char, swap in zip(text, swapped, strict=True)
    )


@st.composite
def spellings(draw: st.DrawFn, query: ListingQuery) -> str:
    """A query string that asks `query`, written in one of the many ways that there are."""
    pairs: Pairs = []
    for name, text in query.filters.texts():
        parameter = TABLE.parameters[name]
        if parameter.several is None:
            pairs.append((name, draw(_spelling(parameter, text))))
        else:
            pairs += draw(_several_pairs(parameter, text.split(",")))
    asked = {name for name, _ in pairs}
    if "min_price" not in asked and draw(st.booleans()):
        pairs.append(("min_price", draw(st.sampled_from(number_spellings(decimal_string(0))))))
    if "category" not in asked and draw(st.booleans()):
        pairs.append(("category", ",".join(draw(st.permutations(CATEGORIES)))))
    if query.sort != SORT_DEFAULT or draw(st.booleans()):
        pairs.append(("sort", str(query.sort)))
    if query.limit != LIMIT_DEFAULT or draw(st.booleans()):
        pairs.append(("limit", draw(st.sampled_from(["", "0"])) + str(query.limit)))
    if query.position is not None:
        pairs.append(("cursor", SIGNER.seal(query, query.position)))
    return draw(_query_string(pairs))


@st.composite
def _spelling(draw: st.DrawFn, parameter: QuestionParameter, text: str) -> str:
    """One of the texts that mean what the canonical `text` means."""
    if parameter.form is PRICE:
        return draw(st.sampled_from(number_spellings(text)))
    if parameter.form is PLACE:
        swapped = draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
        return draw(st.sampled_from(["", " "])) + swap_ascii_case(text, swapped) + "  "
    if parameter.form.schema["type"] == "integer":
        return draw(st.sampled_from(["", "0", "000"])) + text
    return text


@st.composite
def _several_pairs(draw: st.DrawFn, parameter: QuestionParameter, texts: list[str]) -> Pairs:
    """A parameter of several values: some twice, some in capitals, in one list or in several."""
    repeated = [*texts, *draw(st.lists(st.sampled_from(texts), max_size=3))]
    written = [draw(st.sampled_from([slug, slug.upper(), slug.title()])) for slug in draw(st.permutations(repeated))]
    cut = draw(st.integers(0, len(written) - 1))
    return [(parameter.name, ",".join(part)) for part in (written[:cut], written[cut:]) if part]


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


asked = questions().flatmap(lambda query: st.tuples(st.just(query), spellings(query), spellings(query)))


@given(asked)
def test_every_spelling_of_a_question_is_that_question(case: tuple[ListingQuery, str, str]) -> None:
    """Order, case, duplicates, number spelling, defaults and escaping make no difference to what is asked."""
    query, one, other = case
    assert query == parse_listing_query(one, SIGNER)
    assert query == parse_listing_query(other, SIGNER)
    assert parse_listing_query(one, SIGNER).canonical() == parse_listing_query(other, SIGNER).canonical()


@given(questions())
def test_the_form_that_links_carry_is_canonical(query: ListingQuery) -> None:
    """The question that a Link header asks is the one that the page answered, and links on as before."""
    page = Value(b"", (("next", SIGNER.seal(query, Position("", 1))),))
    link = link_header(link_base(query), page)
    again = parse_listing_query(link.partition("?")[2].partition(">")[0], SIGNER)
    assert replace(query, position=Position("", 1)) == again
    assert link == link_header(link_base(again), page)


@given(questions(), questions())
def test_two_questions_never_meet(one: ListingQuery, other: ListingQuery) -> None:
    """Canonical forms are equal exactly when the questions are."""
    assert (one == other) == (one.canonical() == other.canonical())


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


@given(questions(), questions())
def test_a_question_that_differs_in_one_thing_has_another_form(query: ListingQuery, other: ListingQuery) -> None:
    """Changing any single thing of a question changes its canonical form."""
    check_one_difference(query, other, TABLE)


def without_text(row: Filter) -> Filter:
    """The same row of the table, but that it is left out of the canonical text."""
    silent = type(f"Silent{type(row).__name__}", (type(row),), {"texts": lambda self, value: ()})
    made: Filter = silent(**{field.name: getattr(row, field.name) for field in fields(row)})
    return made


@pytest.mark.parametrize("row", TABLE.filters, ids=lambda row: row.name)
def test_a_row_without_its_text_is_found(row: Filter) -> None:
    """The test above fails for a table of which one row has no canonical text."""
    table = QuestionTable([without_text(one) if one is row else one for one in TABLE.filters])

    # Without shrinking: that there is such a question is enough.
    @settings(max_examples=300, deadline=None, database=None, phases=[Phase.generate])
    @given(questions(table), questions(table))
    def differ(query: ListingQuery, other: ListingQuery) -> None:
        check_one_difference(query, other, table)

    with pytest.raises(AssertionError):
        differ()


@given(questions())
def test_normalising_twice_changes_nothing(query: ListingQuery) -> None:
    """The canonical texts of filters, read again, ask for the same filters."""
    values: dict[str, Any] = {}
    for name, text in query.filters.texts():
        parameter = TABLE.parameters[name]
        several = parameter.several is not None
        values[name] = [*map(parameter.form.parse, text.split(","))] if several else parameter.form.parse(text)
    assert query.filters == TABLE.filters_of(values)


@given(st.one_of(awkward, printable, st.text()))
def test_a_key_is_its_own_key(text: str) -> None:
    """The normal form of a place's name is its own normal form: links may carry it in place of the name."""
    assert text_key(text) == text_key(text_key(text))


def test_a_value_cannot_pose_as_another_parameter() -> None:
    """A district named as a piece of query string stays a district."""
    posing = parse_listing_query("district=pune%26organic%3Dtrue", SIGNER)
    honest = parse_listing_query("district=pune&organic=true", SIGNER)
    assert "pune&organic=true" == posing.filters.get(DISTRICT)
    assert posing.canonical() != honest.canonical()


def test_the_canonical_form_is_short_for_the_usual_questions() -> None:
    """Defaults are left out: the plain first page is the empty question."""
    assert "" == parse_listing_query("sort=-created_at&limit=20&min_price=0.00", SIGNER).canonical()
    assert "category=fruits,milk&max_price=1.50&sort=price&limit=5" == (
        parse_listing_query("limit=5&sort=price&category=milk&max_price=1.5&category=FRUITS", SIGNER).canonical()
    )
