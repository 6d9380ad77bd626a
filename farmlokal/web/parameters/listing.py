"""The parameters of `GET /products`: from the query string to a ListingQuery, or to every fault at once."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.query import LIMIT_DEFAULT, LIMIT_MAX, SORT_DEFAULT, Filters, ListingQuery
from farmlokal.errors import Fault, InvalidInput
from farmlokal.web.parameters.parameter import CATEGORY, CURSOR, FLAG, ID_MAX, PLACE, PRICE, SORT, Parameter, whole
from farmlokal.web.parameters.query_string import parse_query_string, shown

CATEGORIES_MAX = 20

PARAMETERS = (
    Parameter("min_price", PRICE, "lowest price in rupees, inclusive", "10.00"),
    Parameter("max_price", PRICE, "highest price in rupees, inclusive", "50.00"),
    Parameter("district", PLACE, "exact name of a district, any case", "Pune"),
    Parameter("state", PLACE, "exact name of a state, any case", "Maharashtra"),
    Parameter("farm_id", whole(1, ID_MAX), "one farm", 411),
    Parameter("in_stock", FLAG, "whether stock is above zero", True),
    Parameter("organic", FLAG, "whether grown organically", False),
    Parameter("sort", SORT, "the order; a leading - turns it round", "-rating", default=str(SORT_DEFAULT)),
    Parameter("limit", whole(1, LIMIT_MAX), "products per page", 50, default=LIMIT_DEFAULT),
    Parameter("cursor", CURSOR, "next_cursor or prev_cursor of a page of the same filters and sort"),
)
# The one that may be repeated, and hold several with commas between them.
CATEGORIES_ASKED = Parameter("category", CATEGORY, "any of these, in any case", "fruits", repeated_max=CATEGORIES_MAX)
_BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}
_THESE_ARE = f"; these are: {', '.join([CATEGORIES_ASKED.name, *_BY_NAME])}"


def parse_listing_query(raw: str, signer: CursorSigner) -> ListingQuery:
    """The question that the query string `raw` asks. Raises InvalidInput, which lists every fault."""
    values, faults = parse_query_string(raw)
    categories = _categories(values.pop("category", []), faults)
    parsed = _single_values(values, faults)
    minimum, maximum = parsed.get("min_price"), parsed.get("max_price")
    if minimum is not None and maximum is not None and minimum > maximum:
        faults.append(Fault("min_price", shown(values["min_price"][0]), "must not exceed max_price"))
    filters = Filters(
        categories=categories,
        min_price_paise=minimum,
        max_price_paise=maximum,
        district_key=parsed.get("district"),
        state_key=parsed.get("state"),
        farm_id=parsed.get("farm_id"),
        in_stock=parsed.get("in_stock"),
        organic=parsed.get("organic"),
    ).normalised()
    query = ListingQuery(filters, parsed.get("sort", SORT_DEFAULT), parsed.get("limit", LIMIT_DEFAULT))
    cursor = parsed.get("cursor")
    if faults:
        # Whether a cursor fits can only be told against a question without faults; whether it is ours, always.
        raise InvalidInput([*faults, *_forgery(cursor, signer)])
    return query if cursor is None else replace(query, position=signer.open(cursor, query))


def _forgery(cursor: str | None, signer: CursorSigner) -> Sequence[Fault]:
    try:
        if cursor is not None:
            signer.verify(cursor)
    except InvalidInput as error:
        return error.faults
    return ()


def _single_values(values: dict[str, list[str]], faults: list[Fault]) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    unknown = False  # the parameters are listed once, not once for each of a thousand wrong names
    for name, texts in values.items():
        parameter = _BY_NAME.get(name)
        if parameter is None:
            faults.append(Fault(shown(name), shown(texts[0]), "is not a parameter" + ("" if unknown else _THESE_ARE)))
            unknown = True
        elif len(texts) > 1:
            faults.append(Fault(name, shown(", ".join(texts)), "must be given once"))
        elif not texts[0]:
            faults.append(Fault(name, "", "must not be empty"))
        else:
            try:
                parsed[name] = parameter.form.parse(texts[0])
            except ValueError as error:
                faults.append(Fault(name, shown(texts[0]), str(error)))
    return parsed


def _categories(texts: list[str], faults: list[Fault]) -> tuple[str, ...]:
    labels = [label for text in texts for label in text.split(",")]
    if len(labels) > CATEGORIES_MAX:
        faults.append(Fault("category", f"{len(labels)} categories", f"must be at most {CATEGORIES_MAX} categories"))
        return ()
    slugs = []
    for label in labels:
        try:
            slugs.append(CATEGORIES_ASKED.form.parse(label))
        except ValueError as error:
            faults.append(Fault("category", shown(label.strip().lower()), str(error)))
    return tuple(slugs)
