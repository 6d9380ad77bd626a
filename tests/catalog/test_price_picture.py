"""The picture of a price history: well-formed, right about its days, and readable without eyes."""

from collections.abc import Sequence
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.catalog.reading.price_picture import DrawnDay, DrawnProduct, _price_lines, draw

SVG = "{http://www.w3.org/2000/svg}"
TOMATO = DrawnProduct("Tomato <Hybrid> & Co", "Pimpri", "Pune", None)
START = date(2026, 11, 1)


def day(after: int, modal: int, lowest: int | None = None, highest: int | None = None, unit: str = "kg") -> DrawnDay:
    """A day so many days after the first of November."""
    return DrawnDay(START + timedelta(days=after), unit, lowest, modal, highest)


def parsed(days: Sequence[DrawnDay], *, product: DrawnProduct = TOMATO, earlier: bool = False) -> ElementTree.Element:
    """The picture of `days`, read by an XML parser."""
    return ElementTree.fromstring(draw(product, days, earlier=earlier))  # noqa: S314 - our own


def texts(picture: ElementTree.Element) -> list[str]:
    """What stands in it for eyes."""
    return [one.text or "" for one in picture.iter(f"{SVG}text")]


def description(picture: ElementTree.Element) -> str:
    """What it says in words."""
    return picture.findtext(f"{SVG}desc") or ""


def points(picture: ElementTree.Element, kind: str) -> list[list[tuple[float, float]]]:
    """The points of each line or area."""
    found = []
    for one in picture.iter(f"{SVG}{kind}"):
        pairs = [pair.split(",") for pair in one.attrib["points"].split()]
        found.append([(float(x), float(y)) for x, y in pairs])
    return found


def test_a_line_in_its_band() -> None:
    """From the left edge to the right, higher prices further up, the band around the line."""
    picture = parsed([day(0, 2000, 1500, 2500), day(1, 2500, 2200, 3000), day(3, 1800, None, None)])
    ((first, second, third),) = points(picture, "polyline")
    assert (76, 620) == (first[0], third[0])
    assert second[0] - first[0] == pytest.approx((third[0] - first[0]) / 3, abs=0.1)
    assert second[1] < first[1] < third[1]
    (band,) = points(picture, "polygon")
    assert [first[0], second[0], third[0], third[0], second[0], first[0]] == [x for x, _ in band]
    assert band[0][1] < first[1] < band[-1][1]
    assert band[2] == third == band[3]
    assert {"2026-11-01", "2026-11-04", "15.00", "30.00"} <= set(texts(picture))
    assert "rupees per kg; line: modal price, band: lowest to highest" in texts(picture)


def test_it_says_the_same_in_words() -> None:
    """Its name and its description are tied to it, as its role asks."""
    picture = parsed([day(0, 2000, 1500, 2500), day(1, 2500, 2200, 3000)])
    assert ("img", "title desc") == (picture.attrib["role"], picture.attrib["aria-labelledby"])
    assert {"title", "desc"} == {one.attrib["id"] for one in picture if "id" in one.attrib}
    assert "Prices of Tomato <Hybrid> & Co, Pimpri, Pune" == picture.findtext(f"{SVG}title")
    assert (
        "2 days with prices from 2026-11-01 to 2026-11-02."
        " Modal price in rupees per kg: 25.00 on 2026-11-02, lowest 20.00, highest 25.00."
        " Prices of all sales from 15.00 to 30.00." == description(picture)
    )


def test_no_days() -> None:
    """It says so, in words and for eyes, and draws nothing."""
    picture = parsed([])
    assert "no prices are reported for these days" in texts(picture)
    assert "No prices are reported for these days." == description(picture)
    assert ([], []) == (points(picture, "polyline"), list(picture.iter(f"{SVG}circle")))


def test_one_day() -> None:
    """A dot in the middle, on its band; nothing is divided by no days or by no difference."""
    picture = parsed([day(0, 2000)])
    (dot,) = picture.iter(f"{SVG}circle")
    assert 348 == float(dot.attrib["cx"])
    assert 56 <= float(dot.attrib["cy"]) <= 252
    assert description(picture).startswith("One day with a price, 2026-11-01.")
    assert 1 == texts(picture).count("2026-11-01")


def test_gaps_are_not_joined() -> None:
    """A week apart is one line, more are two; a day alone is a dot."""
    picture = parsed([day(0, 2000), day(7, 2100), day(15, 2200), day(23, 2300), day(24, 2400)])
    assert [2, 2] == [len(line) for line in points(picture, "polyline")]
    assert 1 == len(list(picture.iter(f"{SVG}circle")))


def test_other_units_are_left_out() -> None:
    """What is priced by the kilogram is not on one scale with what is priced by the piece."""
    picture = parsed([day(0, 5, unit="kg"), day(1, 600, unit="piece"), day(2, 650, unit="piece")], earlier=True)
    assert [2] == [len(line) for line in points(picture, "polyline")]
    assert description(picture).endswith("Days priced by another unit are left out: 1. Earlier days are left out.")


def test_nothing_in_it_runs_or_loads() -> None:
    """No scripts, handlers, styles or addresses, whatever the product is called."""
    sly = DrawnProduct('"><script>alert(1)</script>', "x' onload='y", None, None)
    picture = parsed([day(0, 2000), day(1, 2100)], product=sly)
    allowed = {"svg", "title", "desc", "rect", "text", "line", "polygon", "polyline", "circle"}
    assert {one.tag.removeprefix(SVG) for one in picture.iter()} <= allowed
    names = {name for one in picture.iter() for name in one.attrib}
    assert not [name for name in names if name.startswith("on") or name in ("style", "href")]


@given(
    st.lists(
        st.tuples(st.integers(0, 500), *(st.one_of(st.none(), st.integers(1, 99_999_999_999)) for _ in range(2))),
        min_size=1,
        max_size=30,
        unique_by=lambda one: one[0],
    ),
    st.lists(st.integers(1, 99_999_999_999), min_size=30, max_size=30),
)
def test_all_of_it_is_in_the_picture(given_days: list[tuple[int, int | None, int | None]], modal: list[int]) -> None:
    """Whatever the prices, every point lies between the axes, and no more than five prices are written beside them."""
    days = [day(after, price, low, high) for (after, low, high), price in zip(sorted(given_days), modal, strict=False)]
    picture = parsed(days)
    drawn = [point for kind in ("polyline", "polygon") for line in points(picture, kind) for point in line]
    assert [] == [(x, y) for x, y in drawn if not (76 <= x <= 620 and 56 <= y <= 252)]
    lines = _price_lines(min(one.low for one in days), max(one.high for one in days))
    assert 2 <= len(lines) <= 5
    assert lines[0] <= min(one.low for one in days) <= max(one.high for one in days) <= lines[-1]
