"""The daily prices of India's open data portal in columns: one row is one market's price of one variety on one day."""

from farmlokal.catalog.imports.forms.headers import Header
from farmlokal.catalog.imports.forms.market_form import MarketForm

PORTAL = MarketForm(
    "a table of the portal's prices",
    {
        "state": "State",
        "district": "District",
        "market": "Market",
        "commodity": "Commodity",
        "variety": "Variety",
        "grade": "Grade",
        "arrival_date": "Arrival_Date",
        "min_price": "Min_Price",
        "max_price": "Max_Price",
        "modal_price": "Modal_Price",
    },
)
# Columns that no other file of ours has: a header with two of them claims to be one.
_TELLING = frozenset({"commodity", "arrival-date", "modal-price"})


def is_portal(header: Header) -> bool:
    """Whether `header` claims to be the portal's, be it an incomplete one."""
    return len(_TELLING.intersection(header.keys)) > 1


def is_whole_portal(header: Header) -> bool:
    """Whether `header` has what tells the portal's files from all others."""
    return _TELLING.issubset(header.keys)
