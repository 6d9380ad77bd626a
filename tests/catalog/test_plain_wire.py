"""Reading products of the wire format without the model: what it reads, the model reads to the same record."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.catalog.plain_wire import plain_record
from farmlokal.catalog.wire import WireProduct

_NOW = datetime(2026, 11, 22, 10, 15, 30, 500_000, tzinfo=UTC)
_LATEST = (_NOW + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
_LEAST: dict[str, Any] = {"external_id": "7", "version": 3, "name": "Okra", "category": "vegetables", "price": "24.50"}
_LEAST["unit"] = "kg"

_TEXTS = st.one_of(
    st.sampled_from(["Okra", " Okra ", "", " ", "भेंडी", "a\u200bb", "a\u00a0b", "a\nb", "a\tb", "a\x00b", "\ud800"]),
    st.text(max_size=8),
    st.integers(14, 2001).map(lambda length: "x" * length),
)
_NUMBERS = st.one_of(
    st.sampled_from(["24.5", "24.555", "+3", "-0", "007", "1e2", "1_0", " 3", "٣", "", "5.00", "5.01", "-90.5", "nan"]),
    st.sampled_from([True, False, 0, -1, 5, 90.5, 180, 0.1 + 0.2, 1e-7, 1e16, 24.5, 999_999_999.99, 2**31, 2**63]),
    st.integers(-(2**65), 2**65),
    st.integers(0, 10**20).map(str),
    st.decimals(-200, 1e10, places=2).map(str),
    st.floats(allow_nan=False),
)
_MOMENTS = st.integers(-(10**9), 1_800_000_000).map(
    lambda unix_s: datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
)
_TIMES = st.one_of(
    _MOMENTS,
    st.sampled_from(
        [
            _LATEST,
            (_NOW + timedelta(days=1, seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            *("2026-02-30T10:00:00Z", "2026-02-20T24:00:00Z", "2026-02-20T10:00:60Z", "2026-02-20T10:00:00+05:30"),
            *("2026-02-20 10:00:00Z", "2026-02-20T10:00:00", "2026-W08-5T10:00:00Z", "1760000000", "20260220T100000Z"),
        ]
    ),
)
_ADDRESSES = st.sampled_from(["https://a.example/b.jpg", " http://a.example ", "a.example", "https://u@a.example", ""])
_ODD: st.SearchStrategy[Any] = st.one_of(st.none(), st.booleans(), st.integers(), st.just([]), st.just({}))
_FIELDS = {
    **dict.fromkeys(("source", "external_id", "name", "unit", "farm", "market", "district", "state", "brand"), _TEXTS),
    "category": st.one_of(st.sampled_from(["fruits", "Fruits ", "no such"]), _TEXTS),
    "description": _TEXTS,
    **dict.fromkeys(("version", "price", "lat", "lon", "stock", "rating"), _NUMBERS),
    "organic": st.sampled_from([True, False, "true", "no", 1, 0.0]),
    "created_at": _TIMES,
    "image_url": _ADDRESSES,
    "unknown": st.just(1),
}
_ONE_FIELD = st.sampled_from(sorted(_FIELDS)).flatmap(
    lambda field: st.tuples(st.just(field), st.one_of(_FIELDS[field], _ODD))
)
_OTHERWISE = st.lists(_ONE_FIELD, max_size=3).map(dict)


@given(_OTHERWISE)
def test_the_model_reads_the_same_record(otherwise: dict[str, Any]) -> None:
    """Whatever the fields hold, a product that is read without the model has the record that the model makes of it."""
    data = _LEAST | otherwise
    plain = plain_record(data, "feed", _NOW)
    if plain is not None:
        model = WireProduct.model_validate({"source": "feed", **data}, context={"now": _NOW})
        assert repr(model.to_record()) == repr(plain)  # which tells 5 from 5.0, and -0.0 from 0.0


@pytest.mark.parametrize(
    "ordinary",
    [
        {"price": 24.5, "stock": 0, "organic": False, "rating": 4.4, "lat": 18.62, "lon": -73.8},
        {"price": "24", "stock": "12", "version": "3", "rating": "5.0", "lat": "18", "lon": 73},
        {"created_at": "2026-11-22T10:15:00Z", "farm": "Patil Farm", "state": None, "description": "Red.\nSweet."},
        {"source": "own", "image_url": "https://a.example/b.jpg", "brand": "Gaon Se", "category": "no such"},
    ],
    ids=["numbers", "texts", "time-and-lines", "words"],
)
def test_an_ordinary_product_needs_no_model(ordinary: dict[str, Any]) -> None:
    """What feeds and files ordinarily hold is read without the model."""
    data = _LEAST | ordinary
    expected = WireProduct.model_validate({"source": "feed", **data}, context={"now": _NOW}).to_record()
    assert repr(expected) == repr(plain_record(data, "feed", _NOW))
