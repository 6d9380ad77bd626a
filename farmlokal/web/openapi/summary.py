"""What the document says of summaries."""

from farmlokal.catalog.counting.schemas import Count, Summary, ValueFacet
from farmlokal.catalog.counting.summary import ENTRIES_MAX
from farmlokal.catalog.question.table import QuestionTable
from farmlokal.web.answers import problems
from farmlokal.web.openapi import headers, request_headers
from farmlokal.web.openapi.catalogue import CACHE_PROBLEMS, NOT_MODIFIED, TAG
from farmlokal.web.openapi.operation import Answer, Content, Operation
from farmlokal.web.parameters.parameter import in_query


def _counted(products: int) -> Count:
    return {"value": products, "exact": True, "low": products, "high": products}


def _flags(yes: int, no: int) -> ValueFacet:
    return {"values": [{"value": True, "products": _counted(yes)}, {"value": False, "products": _counted(no)}]}


_SUMMARY: Summary = {
    "total": _counted(412),
    "facets": {
        "category": {
            "values": [
                {"value": "vegetables", "products": _counted(412)},
                {"value": "fruits", "products": {"value": 1190, "exact": False, "low": 781, "high": 1724}},
            ]
        },
        "district": {
            "values": [{"value": "pune", "products": _counted(230)}, {"value": "nashik", "products": _counted(182)}],
            "others": {"values": 0, "products": _counted(0)},
        },
        "price": {
            "values": [
                {"min": "2000.00", "max": "4999.99", "products": _counted(0)},
                {"min": "5000.00", "max": None, "products": _counted(1)},
            ]
        },
        "organic": _flags(31, 381),
        "in_stock": _flags(400, 12),
        "rating": {
            "values": [
                {"min": None, "max": None, "products": _counted(102)},
                {"min": 4, "max": 5, "products": _counted(280)},
            ]
        },
    },
    "search": {"q": "tomato", "filters": {}},
}


def summarise_products(table: QuestionTable) -> Operation:
    """Summaries, with the filters that `table` has."""
    return Operation(
        id="summariseProducts",
        tag=TAG,
        summary="How many products pass some filters, and how they are distributed",
        meaning=(
            f"The filters are those of the listing. What at most {ENTRIES_MAX:,} entries of an index settle is counted"
            " and exact. What is beyond is estimated from a sample, some minutes old at most, and lies within `low` and"
            " `high` at least 19 times of 20. Each distribution is of what passes all filters but its own."
        ),
        parameters=(*map(in_query, table.filter_parameters.values()), *request_headers.CACHED),
        answers=(
            Answer(
                status=200,
                meaning="The summary.",
                content=Content(shape=Summary, examples={"tomatoes": _SUMMARY}),
                headers=(*headers.CACHED, "Content-Encoding"),
            ),
            NOT_MODIFIED,
        ),
        problems=(problems.INVALID_PARAMETER, *CACHE_PROBLEMS, problems.STATEMENT_TIMEOUT),
    )
