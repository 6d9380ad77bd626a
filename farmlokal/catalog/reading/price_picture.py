"""A price history as a small SVG: the modal prices as a line, the lowest to the highest of each day as a band.

It holds no script, no style sheet and nothing to load, so that the strictest Content-Security-Policy shows it as it is.
Whoever cannot see it is told the same in `title` and `desc`.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from html import escape
from itertools import pairwise
from math import ceil, floor
from typing import NamedTuple

from farmlokal.database.dialect import decimal_string

_WIDTH, _HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 620, 56, 252
# A market closes for a day, or a week of holidays. What is further apart is not joined.
_JOINED_DAYS_MAX = 7
_LINES_MAX = 5
# On white, whatever the page around it: text and line have the contrast that they need (WCAG 2.2, 1.4.3 and 1.4.11).
_INK, _GRID, _LINE, _BAND = "#333333", "#dddddd", "#1b6e2c", "#bfe0c4"
# In texts alone, where quotes need no escape.
_escaped = partial(escape, quote=False)


class DrawnProduct(NamedTuple):
    """What the picture says of the product itself."""

    name: str
    market: str | None
    district: str | None
    state: str | None


class DrawnDay(NamedTuple):
    """Prices of one day, in paise for one of `unit`."""

    day: date
    unit: str
    lowest: int | None
    modal: int
    highest: int | None

    @property
    def low(self) -> int:
        """The lowest price that is known."""
        return self.modal if self.lowest is None else min(self.lowest, self.modal)

    @property
    def high(self) -> int:
        """The highest price that is known."""
        return self.modal if self.highest is None else max(self.highest, self.modal)


class _Scale(NamedTuple):
    """Where a day and a price are in the picture. The prices are those of the lowest and the highest line."""

    first: date
    last: date
    floor: int
    ceiling: int

    def x(self, day: date) -> float:
        """From the left. A single day stands in the middle."""
        span = (self.last - self.first).days
        share = (day - self.first).days / span if span else 0.5
        return round(_LEFT + share * (_RIGHT - _LEFT), 1)

    def y(self, paise: int) -> float:
        """From the top."""
        return round(_BOTTOM - (paise - self.floor) / (self.ceiling - self.floor) * (_BOTTOM - _TOP), 1)


def draw(product: DrawnProduct, days: Sequence[DrawnDay], *, earlier: bool) -> bytes:
    """The picture of `days`, the oldest first. earlier: whether the product has more of them in the range asked for.

    Days whose prices are for another unit than the last one's cannot be compared with it, and are left out.
    """
    heading = ", ".join(filter(None, (product.name, product.market, product.district, product.state)))
    unit = days[-1].unit if days else ""
    drawn = [one for one in days if one.unit == unit]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
        ' role="img" aria-labelledby="title desc" font-family="sans-serif" font-size="12">',
        f'<title id="title">{_escaped(f"Prices of {heading}")}</title>',
        f'<desc id="desc">{_escaped(_description(drawn, left_out=len(days) - len(drawn), earlier=earlier))}</desc>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="16" y="24" font-size="15" fill="{_INK}">{_escaped(_cut(heading, 78))}</text>',
        *(_chart(drawn, unit) if drawn else _nothing()),
        "</svg>",
    ]
    return "\n".join(parts).encode()


def _description(days: Sequence[DrawnDay], *, left_out: int, earlier: bool) -> str:
    if not days:
        return "No prices are reported for these days."
    last, unit = days[-1], days[-1].unit
    modal = [one.modal for one in days]
    said = [
        f"{len(days)} days with prices from {days[0].day} to {last.day}."
        if len(days) > 1
        else f"One day with a price, {last.day}.",
        f"Modal price in rupees per {unit}: {decimal_string(last.modal)} on {last.day},"
        f" lowest {decimal_string(min(modal))}, highest {decimal_string(max(modal))}.",
        f"Prices of all sales from {decimal_string(min(one.low for one in days))}"
        f" to {decimal_string(max(one.high for one in days))}.",
    ]
    if left_out:
        said.append(f"Days priced by another unit are left out: {left_out}.")
    if earlier:
        said.append("Earlier days are left out.")
    return " ".join(said)


def _chart(days: Sequence[DrawnDay], unit: str) -> Iterator[str]:
    lines = _price_lines(min(one.low for one in days), max(one.high for one in days))
    scale = _Scale(days[0].day, days[-1].day, lines[0], lines[-1])
    caption = f"rupees per {unit}; line: modal price, band: lowest to highest"
    yield f'<text x="16" y="43" fill="{_INK}">{_escaped(caption)}</text>'
    for paise in lines:
        y = scale.y(paise)
        yield f'<line x1="{_LEFT}" y1="{y}" x2="{_RIGHT}" y2="{y}" stroke="{_GRID}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end" fill="{_INK}">{decimal_string(paise)}</text>'
    if len(days) == 1:
        yield _day_text(scale.x(scale.first), scale.first, "middle")
    else:
        yield _day_text(_LEFT, scale.first, "start")
        yield _day_text(_RIGHT, scale.last, "end")
    runs = list(_runs(days))
    for run in runs:
        yield from _band(run, scale)
    for run in runs:
        yield _line(run, scale)


def _day_text(x: float, day: date, anchor: str) -> str:
    return f'<text x="{x}" y="{_BOTTOM + 22}" text-anchor="{anchor}" fill="{_INK}">{day}</text>'


def _nothing() -> Iterator[str]:
    middle = f'x="{_WIDTH // 2}" y="{_HEIGHT // 2}" text-anchor="middle"'
    yield f'<text {middle} fill="{_INK}">no prices are reported for these days</text>'


def _runs(days: Sequence[DrawnDay]) -> Iterator[Sequence[DrawnDay]]:
    """`days` in runs without a long gap."""
    start = 0
    for place, (before, after) in enumerate(pairwise(days), 1):
        if (after.day - before.day).days > _JOINED_DAYS_MAX:
            yield days[start:place]
            start = place
    yield days[start:]


def _band(run: Sequence[DrawnDay], scale: _Scale) -> Iterator[str]:
    if len(run) == 1:
        (one,) = run
        x = scale.x(one.day)
        yield (
            f'<line x1="{x}" y1="{scale.y(one.low)}" x2="{x}" y2="{scale.y(one.high)}" stroke="{_BAND}"'
            ' stroke-width="6" stroke-linecap="round"/>'
        )
        return
    upper = [f"{scale.x(one.day)},{scale.y(one.high)}" for one in run]
    lower = [f"{scale.x(one.day)},{scale.y(one.low)}" for one in reversed(run)]
    yield f'<polygon points="{" ".join(upper + lower)}" fill="{_BAND}"/>'


def _line(run: Sequence[DrawnDay], scale: _Scale) -> str:
    points = [f"{scale.x(one.day)},{scale.y(one.modal)}" for one in run]
    if len(points) == 1:
        x, y = points[0].split(",")
        return f'<circle cx="{x}" cy="{y}" r="3" fill="{_LINE}"/>'
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="{_LINE}" stroke-width="2"/>'


def _price_lines(lowest: int, highest: int) -> list[int]:
    """The prices at which there is a line, in paise: at most five, round ones, that hold all between them."""
    step = 1
    factors = (2, 2.5, 2)  # 1, 2, 5, 10, …
    place = 0
    while ceil(highest / step) - floor(lowest / step) >= _LINES_MAX:
        step = int(step * factors[place % 3])
        place += 1
    first, last = floor(lowest / step), ceil(highest / step)
    return [step * number for number in range(first, max(last, first + 1) + 1)]


def _cut(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"
