"""The reports of Agmarknet, the markets' own network: of its first site (until 2025) and of its second."""

from farmlokal.catalog.imports.forms.headers import Header
from farmlokal.catalog.imports.forms.market_form import MarketForm

_COMMON = {
    "commodity": "Commodity",
    "variety": "Variety",
    "grade": "Grade",
}
DAILY_REPORT = MarketForm(
    "a daily report of Agmarknet 2.0",
    _COMMON
    | {
        "state": "State/UT",
        "district": "District",
        "market": "Market",
        "arrival_date": "Arrival Date",
        "min_price": "Min Price",
        "max_price": "Max Price",
        "modal_price": "Modal Price",
    },
)
# It is asked for by state, and does not repeat it.
PRICE_REPORT = MarketForm(
    "a price report of Agmarknet",
    _COMMON
    | {
        "district": "District Name",
        "market": "Market Name",
        "arrival_date": "Price Date",
        "min_price": "Min Price (Rs./Quintal)",
        "max_price": "Max Price (Rs./Quintal)",
        "modal_price": "Modal Price (Rs./Quintal)",
    },
)


def is_daily_report(header: Header) -> bool:
    """Agmarknet 2.0: names a unit of its prices, and the day of each row."""
    return {"price-unit", "arrival-date", "modal-price"}.issubset(header.keys)


def is_price_report(header: Header) -> bool:
    """Agmarknet 1: the price's date, or in another of its reports the date of the report."""
    return "modal-price" in header.keys and not {"price-date", "reported-date"}.isdisjoint(header.keys)


def is_marketwise(header: Header) -> bool:
    """Agmarknet 2.0's table of one market: a column for the price of each day."""
    return {"commodity-group", "commodity"}.issubset(header.keys) and any(
        key.startswith(("price-on-", "msp-rs-quintal")) for key in header.keys
    )


def is_all_grades(header: Header) -> bool:
    """Agmarknet 2.0's averages over all varieties and grades: the period stands in the columns' names."""
    return {"commodity-group", "commodity", "date"}.issubset(header.keys) and any(
        key.startswith("modal-price-") for key in header.keys
    )
