"""The cache key: every spelling of a question has one canonical form, and two questions never have the same.

Questions and spellings are drawn from the table of what may be asked: a new row is tried without another line here.
"""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from farmlokal.caching.value import Value
from farmlokal.catalog.normalise import text_key
from farmlokal.catalog.question.filter import Filter
from farmlokal.catalog.question.filters import DISTRICT, IDS
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import Position
from farmlokal.catalog.question.table import TABLE, QuestionTable
from farmlokal.catalog.question.words import WORDS
from farmlokal.web.parameters.listing import parse_listing_query
from farmlokal.web.parameters.questions import link_base, link_header
from tests.catalog.walking import SIGNER
from tests.web.spellings import awkward, check_one_difference, printable, questions, spellings

asked = questions().flatmap(lambda query: st.tuples(st.just(query), spellings(query), spellings(query)))


@given(asked)
def test_every_spelling_of_a_question_is_that_question(case: tuple[ListingQuery, str, str]) -> None:
    """Order, case, duplicates, number spelling, defaults and escaping make no difference to what is asked."""
    query, one, other = case
    assert query == parse_listing_query(one, SIGNER)
    assert query == parse_listing_query(other, SIGNER)
    assert parse_listing_query(one, SIGNER).canonical() == parse_listing_query(other, SIGNER).canonical()


@given(questions().filter(lambda query: query.filters.get(IDS) is None))
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


@given(questions(), questions())
def test_a_question_that_differs_in_one_thing_has_another_form(query: ListingQuery, other: ListingQuery) -> None:
    """Changing any single thing of a question changes its canonical form."""
    check_one_difference(query, other, TABLE)


def without_text(row: Filter) -> Filter:
    """The same row of the table, but that it is left out of the canonical text."""
    silent = type(f"Silent{type(row).__name__}", (type(row),), {"texts": lambda self, value: ()})
    made: Filter = silent(**{field.name: getattr(row, field.name) for field in fields(row)})
    return made


# What words mean depends on more than themselves; tests/web/test_search.py has them.
ASKED = [row for row in TABLE.filters if row.parameters and row is not WORDS]


@pytest.mark.parametrize("row", ASKED, ids=lambda row: row.name)
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
        if parameter.several is None:
            values[name] = parameter.form.parse(text)
        else:
            texts = text.split(",") if parameter.several.commas else [text]
            values.setdefault(name, []).extend(map(parameter.form.parse, texts))
    assert query.filters == TABLE.filters_of(values)


@given(st.one_of(awkward, printable, st.text()))
def test_a_key_is_its_own_key(text: str) -> None:
    """The normal form of a place's name is its own normal form: links may carry it in place of the name."""
    assert text_key(text) == text_key(text_key(text))


def test_a_value_cannot_pose_as_another_parameter() -> None:
    """A district named as a piece of query string stays a district."""
    posing = parse_listing_query("district=pune%26organic%3Dtrue", SIGNER)
    honest = parse_listing_query("district=pune&organic=true", SIGNER)
    assert ("pune&organic=true",) == posing.filters.get(DISTRICT)
    assert posing.canonical() != honest.canonical()


def test_a_comma_is_part_of_a_place_and_between_ids() -> None:
    """Places repeat the parameter, numbers have commas between them, and ids keep the order that they are asked in."""
    assert "district=a,b&district=nashik&district=pune" == (
        parse_listing_query("district=Pune&district=Nashik&district=a,b&district=PUNE", SIGNER).canonical()
    )
    assert "farm_id=7,12" == parse_listing_query("farm_id=12&farm_id=7,12", SIGNER).canonical()
    assert "ids=12,7,3" == parse_listing_query("ids=12,7&ids=12,3", SIGNER).canonical()
    assert "min_rating=4.5" == parse_listing_query("min_rating=04.50", SIGNER).canonical()


def test_the_canonical_form_is_short_for_the_usual_questions() -> None:
    """Defaults are left out: the plain first page is the empty question."""
    assert "" == parse_listing_query("sort=-created_at&limit=20&min_price=0.00", SIGNER).canonical()
    assert "category=fruits,milk&max_price=1.50&sort=price&limit=5" == (
        parse_listing_query("limit=5&sort=price&category=milk&max_price=1.5&category=FRUITS", SIGNER).canonical()
    )
