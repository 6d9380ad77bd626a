"""Wrong parameters of `GET /products`: one 400 that lists every fault, whatever was wrong, and no work for anybody."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import Position
from farmlokal.catalog.question.table import TABLE
from tests.support.log_lines import at_level, logged
from tests.support.products import catalogue
from tests.support.raw_requests import Answer, ask, problem
from tests.support.service import Service, serving, settings_for
from tests.web.watched_store import watch_store

PRICE = "must be a decimal from 0 to 999999999 with at most 2 decimal places"
ID = "must be between 1 and 9223372036854775807"
LIMIT = "must be between 1 and 100"
WHOLE_LIMIT = "must be a whole number between 1 and 100"
WHOLE_ID = "must be a whole number between 1 and 9223372036854775807"
FLAG = "must be true or false"
PLACE = "must have 1 to 100 characters"
SORT = "must be one of created_at, -created_at, price, -price, name, -name, rating, -rating, distance, relevance"
WORDS = "must have 1 to 64 characters, at most 8 words, and a letter or a digit"
EMPTY = "must not be empty"
ONCE = "must be given once"
ESCAPE = "must be percent-encoded correctly"
UTF8 = "must be valid UTF-8"
ALLOWED = "letters, marks, digits, punctuation, symbols, blanks and joiners are allowed"
NULL = f"must not hold U+0000 (a control character): {ALLOWED}"
LINE_FEED = f"must not hold U+000A (a control character): {ALLOWED}"
CURSOR = "must be a next_cursor or prev_cursor of this service, unchanged"
OTHER_QUESTION = "must come from a page of the same filters and sort"
ORDER = "must not exceed max_price"
CATEGORY = (
    "must be one of vegetables, fruits, grains, pulses, spices, oilseeds, nuts, flowers, fibres, livestock, meat, fish,"
    " milk, dairy, eggs, honey, oils, pickles, bakery, other"
)
UNKNOWN = (
    "is not a parameter; these are: category, min_price, max_price, district, state, farm_id, min_rating, unit,"
    " in_stock, organic, near, radius_km, ids, q, sort, limit, cursor"
)
POINT = "must be latitude,longitude in decimal degrees: -90 to 90 and -180 to 180"
RADIUS = "must be a decimal from 0.1 to 500 with at most 1 decimal place"
RATING = "must be a decimal from 0 to 5 with at most 2 decimal places"
UNIT = "must have 1 to 16 characters"
BESIDE_IDS = "must not be given with ids"
MANY = "must be at most 20 categories"
HUGE = "9" * 30

# The query string, and each fault as (parameter, value shown, detail).
WRONG = [
    ("limit=0", [("limit", "0", LIMIT)]),
    ("limit=101", [("limit", "101", LIMIT)]),
    ("limit=-1", [("limit", "-1", LIMIT)]),
    ("limit=2.0", [("limit", "2.0", WHOLE_LIMIT)]),
    ("limit=ten", [("limit", "ten", WHOLE_LIMIT)]),
    ("limit=+5", [("limit", " 5", WHOLE_LIMIT)]),
    ("limit=1_0", [("limit", "1_0", WHOLE_LIMIT)]),
    ("limit=%D9%A3", [("limit", "٣", WHOLE_LIMIT)]),
    (f"limit={HUGE}", [("limit", HUGE, LIMIT)]),
    ("limit=", [("limit", "", EMPTY)]),
    ("limit", [("limit", "", EMPTY)]),
    ("limit=5&limit=5", [("limit", "5, 5", ONCE)]),
    ("limit=%", [("limit", "%", ESCAPE)]),
    ("min_price=-1", [("min_price", "-1", PRICE)]),
    ("min_price=1.234", [("min_price", "1.234", PRICE)]),
    ("min_price=1.", [("min_price", "1.", PRICE)]),
    ("min_price=.5", [("min_price", ".5", PRICE)]),
    ("min_price=1e3", [("min_price", "1e3", PRICE)]),
    ("min_price=1,5", [("min_price", "1,5", PRICE)]),
    ("min_price=NaN", [("min_price", "NaN", PRICE)]),
    ("max_price=Infinity", [("max_price", "Infinity", PRICE)]),
    ("max_price=1000000000", [("max_price", "1000000000", PRICE)]),
    (f"max_price={HUGE}", [("max_price", HUGE, PRICE)]),
    ("max_price=", [("max_price", "", EMPTY)]),
    ("max_price=1&max_price=2", [("max_price", "1, 2", ONCE)]),
    ("min_price=2&max_price=1.99", [("min_price", "2", ORDER)]),
    ("farm_id=0", [("farm_id", "0", ID)]),
    ("farm_id=-3", [("farm_id", "-3", ID)]),
    ("farm_id=x", [("farm_id", "x", WHOLE_ID)]),
    (f"farm_id={2**63}", [("farm_id", str(2**63), ID)]),
    ("in_stock=yes", [("in_stock", "yes", FLAG)]),
    ("in_stock=Yes", [("in_stock", "Yes", FLAG)]),
    ("in_stock=2", [("in_stock", "2", FLAG)]),
    ("in_stock=01", [("in_stock", "01", FLAG)]),
    ("organic=", [("organic", "", EMPTY)]),
    ("organic=true&organic=false", [("organic", "true, false", ONCE)]),
    ("sort=cost", [("sort", "cost", SORT)]),
    ("sort=Price", [("sort", "Price", SORT)]),
    ("sort=--price", [("sort", "--price", SORT)]),
    ("sort=price,name", [("sort", "price,name", SORT)]),
    ("sort=id;DROP+TABLE+products", [("sort", "id;DROP TABLE products", SORT)]),
    ("district=", [("district", "", EMPTY)]),
    ("district=+", [("district", " ", PLACE)]),
    (f"district={'x' * 101}", [("district", "x" * 80 + "…", PLACE)]),
    ("&".join(["district=Pune"] * 21), [("district", "21 districts", "must be at most 20 districts")]),
    ("district=Pune&district=", [("district", "", EMPTY)]),
    ("&".join(["state=Goa"] * 21), [("state", "21 states", "must be at most 20 states")]),
    (f"farm_id={','.join(['7'] * 21)}", [("farm_id", "21 farms", "must be at most 20 farms")]),
    ("farm_id=7,,8", [("farm_id", "", EMPTY)]),
    ("min_rating=5.01", [("min_rating", "5.01", RATING)]),
    ("min_rating=-1", [("min_rating", "-1", RATING)]),
    ("min_rating=4.555", [("min_rating", "4.555", RATING)]),
    ("min_rating=nan", [("min_rating", "nan", RATING)]),
    ("min_rating=4&min_rating=5", [("min_rating", "4, 5", ONCE)]),
    ("unit=", [("unit", "", EMPTY)]),
    ("unit=+", [("unit", " ", UNIT)]),
    (f"unit={'x' * 17}", [("unit", "x" * 17, UNIT)]),
    ("unit=kg&unit=dozen", [("unit", "kg, dozen", ONCE)]),
    ("ids=", [("ids", "", EMPTY)]),
    ("ids=1,0", [("ids", "0", ID)]),
    (f"ids={','.join(['1'] * 101)}", [("ids", "101 ids", "must be at most 100 ids")]),
    (
        "ids=1&sort=price&limit=20&cursor=abc&q=milk",
        [
            *[("sort", "price", BESIDE_IDS), ("limit", "20", BESIDE_IDS), ("cursor", "abc", BESIDE_IDS)],
            *[("q", "milk", BESIDE_IDS), ("cursor", "abc", CURSOR)],
        ],
    ),
    ("district=a%00b", [("district", "a%00b", NULL)]),
    ("district=%0Aadmin", [("district", "%0Aadmin", LINE_FEED)]),
    (
        "district=Pune%E2%80%AEemag",
        [
            (
                "district",
                "Pune%E2%80%AEemag",
                f"must not hold U+202E (RIGHT-TO-LEFT OVERRIDE, a bidirectional control): {ALLOWED}",
            )
        ],
    ),
    ("state=%CD%B8", [("state", "%CD%B8", f"must not hold U+0378 (not assigned): {ALLOWED}")]),
    ("district=%E2%80%8D", [("district", "\\u200d", PLACE)]),
    ("district=%ff%fe", [("district", "%ff%fe", UTF8)]),
    ("district=%C0%AF", [("district", "%C0%AF", UTF8)]),
    ("district=%ED%A0%80", [("district", "%ED%A0%80", UTF8)]),
    ("district=%zz", [("district", "%zz", ESCAPE)]),
    ("state=%E0%A4", [("state", "%E0%A4", UTF8)]),
    ("state=100%", [("state", "100%", ESCAPE)]),
    ("category=", [("category", "", EMPTY)]),
    ("category=fruits,,milk", [("category", "", EMPTY)]),
    ("category=fruit", [("category", "fruit", CATEGORY)]),
    ("category=fruits,stone,Sand", [("category", "stone", CATEGORY), ("category", "sand", CATEGORY)]),
    ("category=%FF", [("category", "%FF", UTF8)]),
    (f"category={','.join(['fruits'] * 21)}", [("category", "21 categories", MANY)]),
    ("&".join(["category=a"] * 700), [("category", "700 categories", MANY)]),
    (f"category={','.join(['milk'] * 1000)}", [("category", "1000 categories", MANY)]),
    ("query=tomato", [("query", "tomato", UNKNOWN)]),
    ("q=", [("q", "", EMPTY)]),
    ("q=...", [("q", "...", WORDS)]),
    ("q=%7C", [("q", "|", WORDS)]),
    ("q=a+b+c+d+e+f+g+h+i", [("q", "a b c d e f g h i", WORDS)]),
    (f"q={'x' * 65}", [("q", "x" * 65, WORDS)]),
    (f"q={'%EF%B7%BA' * 5}", [("q", "ﷺ" * 5, WORDS)]),  # 90 letters, once it is normalised
    ("q=a&q=b", [("q", "a, b", ONCE)]),
    ("sort=relevance", [("sort", "relevance", "needs q for relevance")]),
    ("q=a&sort=-relevance", [("sort", "-relevance", SORT)]),
    ("q=&sort=relevance", [("q", "", EMPTY)]),
    ("near=18.52", [("near", "18.52", POINT)]),
    ("near=18.52,", [("near", "18.52,", POINT)]),
    ("near=,73.857", [("near", ",73.857", POINT)]),
    ("near=18.52,73.857,5", [("near", "18.52,73.857,5", POINT)]),
    ("near=90.0001,0", [("near", "90.0001,0", POINT)]),
    ("near=0,-180.0001", [("near", "0,-180.0001", POINT)]),
    ("near=NaN,73.857", [("near", "NaN,73.857", POINT)]),
    ("near=1e1,5", [("near", "1e1,5", POINT)]),
    ("near=", [("near", "", EMPTY)]),
    ("near=1,2&near=1,2", [("near", "1,2, 1,2", ONCE)]),
    ("radius_km=5", [("radius_km", "5", "needs near")]),
    ("near=1,2&radius_km=0", [("radius_km", "0", RADIUS)]),
    ("near=1,2&radius_km=500.1", [("radius_km", "500.1", RADIUS)]),
    ("near=1,2&radius_km=1.25", [("radius_km", "1.25", RADIUS)]),
    ("near=1,2&radius_km=nan", [("radius_km", "nan", RADIUS)]),
    ("sort=distance", [("sort", "distance", "needs near for distance")]),
    ("near=1,2&sort=-distance", [("sort", "-distance", SORT)]),
    # What is missing because it is wrong has one fault, not two.
    (
        "near=91,2&radius_km=501&sort=-distance&cursor=abc",
        [("near", "91,2", POINT), ("radius_km", "501", RADIUS), ("sort", "-distance", SORT), ("cursor", "abc", CURSOR)],
    ),
    ("near=91,2&radius_km=5&sort=distance", [("near", "91,2", POINT)]),
    ("radius_km=5&sort=distance", [("radius_km", "5", "needs near"), ("sort", "distance", "needs near for distance")]),
    ("Limit=5", [("Limit", "5", UNKNOWN)]),
    ("page=2&page=3", [("page", "2", UNKNOWN)]),
    ("=5", [("", "5", UNKNOWN)]),
    ("limit%00=5", [("limit\\x00", "5", NULL)]),
    ("limit[]=5", [("limit[]", "5", UNKNOWN)]),
    ("category[0]=milk", [("category[0]", "milk", UNKNOWN)]),
    ("category[]=", [("category", "", EMPTY)]),
    ("utm=5", [("utm", "5", UNKNOWN)]),
    ("%FFutm_source=5", [("%FFutm_source", "5", UTF8)]),
    ("cursor=", [("cursor", "", EMPTY)]),
    ("cursor=abc", [("cursor", "abc", CURSOR)]),
    ("cursor=*", [("cursor", "*", CURSOR)]),
    ("cursor=%E2%82%AC", [("cursor", "€", CURSOR)]),
    ("cursor=a&cursor=b", [("cursor", "a, b", ONCE)]),
    (f"cursor={'A' * 7000}", [("cursor", "A" * 80 + "…", "must have at most 2048 characters")]),
    (f"cursor={'A' * 2048}", [("cursor", "A" * 40 + "…", CURSOR)]),
]

RIGHT = [
    *("q=tomato", "q=x&sort=relevance", "q=chana%7Cchina&sort=price", "q=%E0%A4%AA%E0%A5%81%E0%A4%A3%E0%A5%87"),
    f"q={'a' * 32}%7C{'b' * 64}",
    *("category=fruits", "category=Fruits,MILK&category=eggs", "category=%66ruits", "min_price=0", "min_price=0012.5"),
    *(
        "district=Pune&district=Nashik,+old",
        "state=Goa&state=Kerala&state=goa",
        "farm_id=1,2&farm_id=3",
        "ids=3,1,3&ids=2",
    ),
    *("min_rating=0", "min_rating=4.5", "min_rating=005.00", "unit=kg", "unit=%E0%A4%95%E0%A4%BF%E0%A4%B2%E0%A5%8B"),
    *("ids=1&near=18.52,73.857&in_stock=true", f"ids={','.join(map(str, range(1, 101)))}"),
    *("max_price=999999999.99", "min_price=1&max_price=1", "district=Pune", "state=himachal+pradesh", "farm_id=1"),
    *(f"farm_id={2**63 - 1}", "in_stock=true", "in_stock=false", "organic=true", "organic=false", "limit=1"),
    *("limit=100", "limit=0007", f"district={'x' * 100}", "district=%E0%A4%AA%E0%A5%81%E0%A4%A3%E0%A5%87", "&"),
    # Long once it is normalised, and not printable in Python's eyes: neither makes it no name.
    *(
        f"state={'%EF%B7%BA' * 100}",
        "district=a%C2%A0b",
        "district=%E3%80%80Pune",
        "district=%EE%80%80",
        "district=%E2%80%8DPune",
    ),
    *("near=18.52,73.857", "near=-0,+180", "near=90,-180.000", "near=1,2&radius_km=0.1", "radius_km=0500.0&near=1,2"),
    *("near=1,2&sort=distance", "near=1,2&radius_km=10&sort=-rating", "near=018.5,+007.25"),
    *(f"sort={sign}{name}" for name in ("created_at", "price", "name", "rating") for sign in ("", "-")),
]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service without Redis, over the small catalogue."""
    async with serving(settings_for(await catalogue(tmp_path))) as running:
        yield running


def faults(answer: Answer) -> list[tuple[str, str, str]]:
    """Every fault that a refusal lists, after a check that its `detail` tells the first five and counts the others."""
    content = problem(answer, 400, "invalid-parameter")
    listed = [(fault["parameter"], fault["value"], fault["detail"]) for fault in content["errors"]]
    told = "; ".join(f"{parameter} {detail}" for parameter, _, detail in listed[:5])
    assert told + (f"; and {len(listed) - 5} more, all in errors" if len(listed) > 5 else "") == content["detail"]
    return listed


async def test_every_wrong_form_is_refused_with_its_faults(
    service: Service, caplog: pytest.LogCaptureFixture, subtests: pytest.Subtests
) -> None:
    """Each wrong form gets the fault that it is, in the same shape; none reaches the database or the error log."""
    store = watch_store(service.app)
    with logged() as events:
        for raw, expected in WRONG:
            with subtests.test(raw=raw[:60]):
                assert expected == faults(await ask(service.port, f"/products?{raw}"))
    assert 0 == store.questions
    assert [] == at_level(events, "warning", "error", "critical")
    assert [] == [record for record in caplog.records if record.levelname in ("WARNING", "ERROR", "CRITICAL")]


async def test_every_right_form_is_answered(service: Service, subtests: pytest.Subtests) -> None:
    """Each right form of each parameter gets a page."""
    for raw in RIGHT:
        with subtests.test(raw=raw):
            assert 200 == (await ask(service.port, f"/products?{raw}")).status


async def test_every_parameter_has_right_and_wrong_forms() -> None:
    """No parameter was forgotten in the two lists above."""
    for name in TABLE.parameters:
        assert any((name, value, detail) for _, listed in WRONG for found, value, detail in listed if found == name)
        assert name == "cursor" or any(raw.startswith(f"{name}=") for raw in RIGHT)


async def test_all_faults_of_a_request_are_listed_at_once(service: Service) -> None:
    """A request that is wrong in eight ways hears of all eight."""
    answer = await ask(
        service.port,
        "/products?category=stone&min_price=9&max_price=1&district=%FF&farm_id=x&sort=up&limit=0&limit=1&query=1&state=",
    )
    expected = [
        *(("district", "%FF", UTF8), ("category", "stone", CATEGORY), ("farm_id", "x", WHOLE_ID), ("sort", "up", SORT)),
        *(("limit", "0, 1", ONCE), ("query", "1", UNKNOWN), ("state", "", EMPTY), ("min_price", "9", ORDER)),
    ]
    assert expected == faults(answer)


async def test_a_forged_cursor_is_listed_beside_other_faults(service: Service) -> None:
    """That a cursor is none of ours can be told whatever else is wrong."""
    listed = faults(await ask(service.port, "/products?limit=0&cursor=forged"))
    assert [("limit", "0", LIMIT), ("cursor", "forged", CURSOR)] == listed


async def test_a_cursor_holds_for_its_own_question_alone(service: Service) -> None:
    """Another filter, another sort, a missing filter: each is told that the cursor belongs elsewhere."""
    page = (await ask(service.port, "/products?organic=true&sort=price&limit=2")).json()["page"]
    cursor = page["next_cursor"]
    shown = f"{cursor[:40]}…"
    for question in ("sort=price", "organic=true", "organic=false&sort=price", "organic=true&sort=-price"):
        listed = faults(await ask(service.port, f"/products?{question}&cursor={cursor}"))
        assert [("cursor", shown, OTHER_QUESTION)] == listed
    for broken in (
        cursor[:-1],
        cursor[1:],
        f"{cursor}A",
        f"{cursor[:30]}{'B' if cursor[30] == 'A' else 'A'}{cursor[31:]}",
    ):
        listed = faults(await ask(service.port, f"/products?organic=true&sort=price&cursor={broken}"))
        assert [("cursor", f"{broken[:40]}…", CURSOR)] == listed
    assert 200 == (await ask(service.port, f"/products?sort=price&organic=true&cursor={cursor}")).status


async def test_a_cursor_of_another_key_is_forged(service: Service) -> None:
    """What somebody sealed with a key of their own is refused."""
    forged = CursorSigner([b"a key that the service has not"]).seal(ListingQuery(), Position("2026-11-22T00:00:00Z", 1))
    assert [("cursor", f"{forged[:40]}…", CURSOR)] == faults(await ask(service.port, f"/products?cursor={forged}"))


names = st.one_of(st.sampled_from(list(TABLE.parameters)), st.text(max_size=8))
values = st.one_of(
    st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{0,3})?", fullmatch=True),
    st.sampled_from(["true", "false", "fruits", "milk,EGGS", "price", "-rating", "Pune"]),
    st.text(max_size=20),
)
# A pair as a careful client writes it, or bytes as they come; what ends a request line is left out.
pairs = st.one_of(
    st.tuples(names, values).map(lambda pair: f"{quote(pair[0])}={quote(pair[1])}".encode()),
    st.binary(max_size=30).map(lambda raw: raw.translate(None, b" \r\n")),
    st.text(alphabet="%0123456789abcdefABCDEF&=+,;#?cursorlimit", max_size=30).map(str.encode),
)


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(raw=st.lists(pairs, max_size=5).map(b"&".join))
async def test_any_query_string_is_answered_or_refused(service: Service, raw: bytes) -> None:
    """Whatever stands after the `?`, the answer is a page or a 400 problem, and nothing is logged as an error."""
    with logged() as events:
        answer = await ask(service.port, b"/products?" + raw)
    if answer.status != 200:
        problem(answer, 400, answer.json()["type"].removeprefix("/problems/"))
    assert [] == at_level(events, "warning", "error", "critical")
