"""Entries as Redis keeps them, and how long they live."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.caching.entry import FORMAT, Entry, decoded
from farmlokal.caching.lookup import Lifetime
from farmlokal.caching.value import Value

text = st.text(max_size=20)
times = st.floats(0, 4e9)
values = st.builds(Value, st.binary(max_size=200), st.lists(st.tuples(text, text), max_size=3).map(tuple))
entries = st.builds(Entry, values, times, times, times)

GARBAGE = [
    *(b"", b"\n", b"\n\n\nbody", b"hello", b"\x00\xff\xfe", b"null\nbody", b"7\nbody", b'"text"\nbody', b"{}\nbody"),
    *(b"[]\nbody", b"[1]\nbody", b"[1,2,3,4,5,6,7]\nbody", b'{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}\nbody'),
    *(b'[1,"x",2,3,"e",[]]\nbody', b'[1,null,2,3,"e",[]]\nbody', b'[1,1,2,3,"e",null]\nbody', b'[1,1,2,3,"e",[7]]\nb'),
    *(b'[1,1,2,3,"e",[["a","b","c"]]]\nbody', b'[1,1,1e400,1e400,"e",[]]\nbody', b'[1,NaN,2,3,"e",[]]\nbody'),
    *(b"[" * 100_000 + b"\nbody", b'[1,1,2,3,"e",[]]'),
]


@given(entries)
def test_an_entry_comes_back_as_it_went(entry: Entry) -> None:
    """Body, validator, named strings and times are the same after Redis, line breaks in the body included."""
    assert entry == decoded(entry.encoded())


@pytest.mark.parametrize("raw", GARBAGE, ids=lambda raw: repr(raw[:30]))
def test_garbage_is_no_entry(raw: bytes) -> None:
    """What no release of ours wrote is a miss, never an error."""
    assert decoded(raw) is None


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(raw: bytes) -> None:
    """Whatever stands in Redis, reading it ends in an entry or in none."""
    assert decoded(raw) is None or isinstance(decoded(raw), Entry)


@given(entries, st.data())
def test_a_head_cut_short_is_no_entry(entry: Entry, data: st.DataObject) -> None:
    """An entry that ends within its first line is a miss."""
    head = entry.encoded().index(b"\n")
    assert decoded(entry.encoded()[: data.draw(st.integers(0, head))]) is None


def test_another_format_is_no_entry() -> None:
    """A release before or after ours may share the Redis: what it wrote is a miss."""
    raw = Entry(Value(b"body"), 1, 2, 3).encoded()
    assert raw.startswith(b"[%d," % FORMAT)
    for other in (FORMAT - 1, FORMAT + 1):
        assert decoded(raw.replace(b"[%d," % FORMAT, b"[%d," % other, 1)) is None


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_the_validator_tells_two_bodies_apart(one: bytes, other: bytes) -> None:
    """Equal bytes have equal validators, and only they."""
    assert (one == other) == (Value(one).etag == Value(other).etag)


@given(st.floats(1, 86_400), st.floats(0, 604_800), st.floats(0, 1, exclude_max=True), st.floats(0, 4e9))
def test_lifetimes_are_jittered_by_a_tenth(ttl_s: float, stale_s: float, draw: float, now: float) -> None:
    """An entry is fresh for the stated time ± 10 %, and stale for its whole time after that."""
    fresh_until, stale_until = Lifetime(ttl_s, stale_s, draw=lambda: draw).ends(now, negative=False)
    assert 0.9 * ttl_s - 1e-5 <= fresh_until - now <= 1.1 * ttl_s + 1e-5
    assert stale_s == pytest.approx(stale_until - fresh_until, abs=1e-5)


def test_the_jitter_uses_its_whole_range() -> None:
    """The ends of the draw are the ends of the range, and entries loaded together do not expire together."""
    least, _ = Lifetime(30, 0, draw=lambda: 0.0).ends(0, negative=False)
    most, _ = Lifetime(30, 0, draw=lambda: 1.0).ends(0, negative=False)
    assert [27, 33] == pytest.approx([least, most])
    drawn = {Lifetime(30, 0).ends(0, negative=False) for _ in range(100)}
    assert len(drawn) > 90
