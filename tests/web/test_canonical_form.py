"""The cache key: every spelling of a question has one canonical form, and two questions never have the same."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote, quote_plus

from hypothesis import given
from hypothesis import strategies as st

from farmlokal.caching.value import Value
from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.normalise import text_key
from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.query import LIMIT_DEFAULT, SORT_DEFAULT, SORTS, Filters, ListingQuery, Position
from farmlokal.database.dialect import decimal_string
from farmlokal.web.parameters.links import link_base, link_header
from farmlokal.web.parameters.listing import parse_listing_query

SIGNER = CursorSigner([b"only these tests know this key"])

Pairs = list[tuple[str, str]]

# What separates and escapes in a query string, letters with more than one spelling, and scripts of India.
awkward = st.text(alphabet="&=%,;+#?/'\" aAbßİéÉ\u017f\u0131\u0301\uff41①पुणेക്ಕ", min_size=1, max_size=12)
printable = st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
places = st.one_of(awkward, printable).map(text_key).filter(lambda key: 1 <= len(key) <= 100)
paise = st.integers(0, 999_999_999_99) | st.integers(0, 300)
flags = st.none() | st.booleans()
ids = st.integers(1, 2**63 - 1)

positions = st.builds(Position, st.text(max_size=10) | st.integers(-1, 10**11), ids, st.booleans())


@st.composite
def questions(draw: st.DrawFn) -> ListingQuery:
    """Any question that a client can ask, in canonical form."""
    prices = sorted(draw(st.tuples(paise, paise)))
    filters = Filters(
        categories=tuple(draw(st.lists(st.sampled_from(CATEGORIES), max_size=4))),
        min_price_paise=draw(st.sampled_from([None, prices[0]])),
        max_price_paise=draw(st.sampled_from([None, prices[1]])),
        district_key=draw(st.none() | places),
        state_key=draw(st.none() | places),
        farm_id=draw(st.none() | ids | st.integers(1, 3)),
        in_stock=draw(flags),
        organic=draw(flags),
    ).normalised()
    sort = draw(st.sampled_from(list(SORTS.values())))
    return ListingQuery(filters, sort, draw(st.integers(1, 100) | st.just(LIMIT_DEFAULT)), draw(st.none() | positions))


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
    pairs: Pairs = draw(_category_pairs(query.filters.categories)) + draw(_filter_pairs(query.filters))
    if query.sort != SORT_DEFAULT or draw(st.booleans()):
        pairs.append(("sort", str(query.sort)))
    if query.limit != LIMIT_DEFAULT or draw(st.booleans()):
        pairs.append(("limit", draw(st.sampled_from(["", "0"])) + str(query.limit)))
    if query.position is not None:
        pairs.append(("cursor", SIGNER.seal(query, query.position)))
    return draw(_query_string(pairs))


@st.composite
def _filter_pairs(draw: st.DrawFn, filters: Filters) -> Pairs:
    """Parameters that ask for everything in `filters` but the categories."""
    pairs: Pairs = []
    for name, value in (("min_price", filters.min_price_paise), ("max_price", filters.max_price_paise)):
        if value is not None or (name == "min_price" and draw(st.booleans())):
            pairs.append((name, draw(st.sampled_from(number_spellings(decimal_string(value or 0))))))
    for name, key in (("district", filters.district_key), ("state", filters.state_key)):
        if key is not None:
            swapped = draw(st.lists(st.booleans(), min_size=len(key), max_size=len(key)))
            pairs.append((name, draw(st.sampled_from(["", " "])) + swap_ascii_case(key, swapped) + "  "))
    flags_given = (("in_stock", filters.in_stock), ("organic", filters.organic))
    pairs += [(name, "true" if flag else "false") for name, flag in flags_given if flag is not None]
    if filters.farm_id is not None:
        pairs.append(("farm_id", draw(st.sampled_from(["", "0", "000"])) + str(filters.farm_id)))
    return pairs


@st.composite
def _category_pairs(draw: st.DrawFn, categories: tuple[str, ...]) -> Pairs:
    """Parameters that ask for `categories`: some twice, some in capitals, in one list or in several."""
    if not categories:
        return [("category", ",".join(draw(st.permutations(CATEGORIES))))] if draw(st.booleans()) else []
    repeated = [*categories, *draw(st.lists(st.sampled_from(categories), max_size=3))]
    written = [draw(st.sampled_from([slug, slug.upper(), slug.title()])) for slug in draw(st.permutations(repeated))]
    cut = draw(st.integers(0, len(written) - 1))
    return [("category", ",".join(part)) for part in (written[:cut], written[cut:]) if part]


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


@given(questions(), st.data())
def test_a_question_that_differs_in_one_thing_has_another_form(query: ListingQuery, data: st.DataObject) -> None:
    """Changing any single field of a question changes its canonical form."""
    others = data.draw(questions())
    for name in ("sort", "limit", "position"):
        changed = replace(query, **{name: getattr(others, name)})
        assert (changed == query) == (changed.canonical() == query.canonical())
    for name in Filters.__slots__:
        changed = replace(query, filters=replace(query.filters, **{name: getattr(others.filters, name)}))
        assert (changed == query) == (changed.canonical() == query.canonical())


@given(questions())
def test_normalising_twice_changes_nothing(query: ListingQuery) -> None:
    """The normal form of filters is its own normal form."""
    assert query.filters == query.filters.normalised()


@given(st.one_of(awkward, printable, st.text()))
def test_a_key_is_its_own_key(text: str) -> None:
    """The normal form of a place's name is its own normal form: links may carry it in place of the name."""
    assert text_key(text) == text_key(text_key(text))


def test_a_value_cannot_pose_as_another_parameter() -> None:
    """A district named as a piece of query string stays a district."""
    posing = parse_listing_query("district=pune%26organic%3Dtrue", SIGNER)
    honest = parse_listing_query("district=pune&organic=true", SIGNER)
    assert "pune&organic=true" == posing.filters.district_key
    assert posing.canonical() != honest.canonical()


def test_the_canonical_form_is_short_for_the_usual_questions() -> None:
    """Defaults are left out: the plain first page is the empty question."""
    assert "" == parse_listing_query("sort=-created_at&limit=20&min_price=0.00", SIGNER).canonical()
    assert "category=fruits,milk&max_price=150&sort=price&limit=5" == (
        parse_listing_query("limit=5&sort=price&category=milk&max_price=1.5&category=FRUITS", SIGNER).canonical()
    )
