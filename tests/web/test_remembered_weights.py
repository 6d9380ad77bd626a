"""What is remembered of questions and heads is counted in the first tier as what it takes."""

import gc
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from multidict import CIMultiDict

from farmlokal.caching.lookup import Lifetime
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.read_through import ReadThrough
from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.reading.loaders import Listing
from farmlokal.web.answers.representation import preconditions_of
from farmlokal.web.hot.request import Head, RememberedHeads, own_fields_of
from farmlokal.web.parameters.questions import Questions

COUNT = 2500
QUERIES = {
    "one parameter": "min_price={}",
    "four": "category=grains&min_price={}.25&max_price=98765.5&sort=-price",
    "ten": "category=fruits&min_price={}.75&max_price=98765.5&sort=-rating&in_stock=true&organic=true&state=Goa"
    "&min_rating=3&limit=50&district=North%20Goa",
}
FIELDS = {
    "short": {},
    "a browser's": {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", "Accept-Language": "mr,hi;q=0.8", "Cookie": "a=b"},
    "a proxy's": {"X-Request-ID": "8e13", "X-Forwarded-For": "203.0.113.7", "traceparent": "00-1-2-01"},
}


@pytest.fixture
def tier() -> MemoryTier:
    """An empty tier of 64 MiB."""
    return MemoryTier(64 * 2**20)


@pytest.fixture
def questions(tier: MemoryTier) -> Questions:
    """Questions to a cache with that tier; nothing is loaded."""
    cache = ReadThrough(tier, None, lifetime=Lifetime(30, 300), origin_loads=1)
    listing = Listing.__new__(Listing)
    return Questions(CursorSigner([b"a key of this test"]), cache, listing)


def taken_by(work: Callable[[], None]) -> int:
    """The bytes that are allocated when `work` has ended and were not before."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_question_is_counted_as_what_it_takes(tier: MemoryTier, questions: Questions, query: str) -> None:
    """Within a fifth: texts and values differ, and a key is weighed with its entry."""

    def ask() -> None:
        for number in range(COUNT):
            questions.parse(query.format(10 + number))

    questions.parse(query.format(1))
    questions.forget()
    taken = taken_by(ask)
    assert 0.8 * taken <= tier.bytes_taken <= 1.2 * taken
    questions.forget()
    assert 0 == tier.bytes_taken


def heads(questions: Questions, query: str, fields: dict[str, str]) -> Iterator[tuple[bytes, Head]]:
    """Heads of so many questions, as they came and as they were read."""
    headers = CIMultiDict({"Host": "127.0.0.1:8080", "Accept-Encoding": "gzip", **fields})
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    preconditions = preconditions_of(headers)
    for number in range(COUNT):
        asked = query.format(10 + number)
        head = Head("/products", questions.parse(asked), preconditions, "gzip", "gzip", None, None, None)
        yield f"GET /products?{asked} HTTP/1.1\r\n{lines}\r\n".encode(), head


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_a_head_is_counted_as_what_it_takes(tier: MemoryTier, questions: Questions, fields: dict[str, str]) -> None:
    """Within a fifth; those that have values to skip are known in two ways, and count twice."""
    remembered = RememberedHeads(tier.set_aside)
    parsed = list(heads(questions, QUERIES["four"], fields))
    before = tier.bytes_taken
    own = own_fields_of(CIMultiDict(fields))

    def keep() -> None:
        for data, head in parsed:
            # Copies, since those in the list were there before.
            remembered.keep(bytes(bytearray(data)), Head(*head), own)

    taken = taken_by(keep)
    assert 0.8 * taken <= tier.bytes_taken - before <= 1.2 * taken
    remembered.clear()
    assert before == tier.bytes_taken
