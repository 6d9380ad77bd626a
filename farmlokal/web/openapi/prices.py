"""What the document says of price histories."""

from farmlokal.catalog.question.prices import PAGE_PARAMETERS, RANGE_PARAMETERS
from farmlokal.catalog.reading.price_history import DRAWN_DAYS_MAX
from farmlokal.catalog.reading.price_schemas import PriceHistoryPage
from farmlokal.web.answers import problems
from farmlokal.web.handlers.prices import SVG
from farmlokal.web.openapi import headers, request_headers
from farmlokal.web.openapi.catalogue import CACHE_PROBLEMS, NOT_MODIFIED, TAG
from farmlokal.web.openapi.operation import Answer, Content, Operation
from farmlokal.web.parameters.parameter import in_query
from farmlokal.web.parameters.product_id import PRODUCT_ID

_PAGE: PriceHistoryPage = {
    "data": [
        {"day": "2026-11-22", "min": "20.00", "modal": "24.50", "max": "28.00", "currency": "INR", "unit": "kg"},
        {"day": "2026-11-21", "min": None, "modal": "23.75", "max": None, "currency": "INR", "unit": "kg"},
    ],
    "page": {"limit": 2, "has_more": True, "next_cursor": "qk2GEjXKOYHPAc1gjNVEWVsi", "prev_cursor": None},
}
_PROBLEMS = (problems.INVALID_PARAMETER, problems.NOT_FOUND, *CACHE_PROBLEMS, problems.STATEMENT_TIMEOUT)

LIST_PRICES = Operation(
    id="listPrices",
    tag=TAG,
    summary="What a product cost, day by day",
    meaning=(
        "The lowest, the modal and the highest price of each day that its market reported, the newest first. A product"
        " that no market file tells of has an empty history. A deleted product is a 404; its days are there again when"
        " it is."
    ),
    parameters=(PRODUCT_ID, *map(in_query, PAGE_PARAMETERS.values()), *request_headers.CACHED),
    answers=(
        Answer(
            status=200,
            meaning="The page.",
            content=Content(shape=PriceHistoryPage, examples={"page": _PAGE}),
            headers=(*headers.CACHED, "Content-Encoding", "Link"),
            links={
                name: {
                    "operationId": "listPrices",
                    "description": f"The {which} page, with the same days; where the cursor is null there is none.",
                    "parameters": {"id": "$request.path.id", "cursor": f"$response.body#/page/{name}_cursor"},
                }
                for name, which in (("next", "next"), ("prev", "previous"))
            },
        ),
        NOT_MODIFIED,
    ),
    problems=_PROBLEMS,
)

DRAW_PRICES = Operation(
    id="drawPrices",
    tag=TAG,
    summary="A picture of what a product cost",
    meaning=(
        f"The newest {DRAWN_DAYS_MAX} days with prices of the range: modal prices as a line, the lowest to the highest"
        " as a band. Without scripts and styles; `title` and `desc` say the same in words."
    ),
    parameters=(PRODUCT_ID, *map(in_query, RANGE_PARAMETERS.values()), *request_headers.CACHED),
    answers=(
        Answer(
            status=200,
            meaning="The picture.",
            content=Content(shape={"type": "string"}, media_types=(SVG,)),
            headers=(*headers.CACHED, "Content-Encoding"),
        ),
        NOT_MODIFIED,
    ),
    problems=_PROBLEMS,
)
