"""What the document says of the listing, one product and the categories."""

from typing import Any

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.question.table import QuestionTable
from farmlokal.catalog.reading.schemas import CategoryList, Product, ProductPage, SuggestionList, WholeProduct
from farmlokal.web.answers import problems
from farmlokal.web.openapi import headers, request_headers
from farmlokal.web.openapi.operation import Answer, Content, Operation
from farmlokal.web.parameters import suggesting
from farmlokal.web.parameters.parameter import in_query
from farmlokal.web.parameters.product_id import PRODUCT_ID

TAG = "Catalogue"

_PRODUCT: Product = {
    "id": 918273,
    "name": "Tomato (Hybrid)",
    "category": "vegetables",
    "price": "24.50",
    "currency": "INR",
    "unit": "kg",
    "farm": {"id": 411, "name": "Patil Farm"},
    "market": "Pimpri",
    "district": "Pune",
    "state": "Maharashtra",
    "lat": 18.62,
    "lon": 73.8,
    "stock": 120,
    "organic": False,
    "rating": 4.4,
    "created_at": "2026-11-22T10:15:00Z",
    "updated_at": "2026-11-22T10:15:00Z",
    "image_url": "https://images.example/tomato.jpg",
}
WHOLE_PRODUCT: WholeProduct = {
    **_PRODUCT,
    "description": "Firm and sweet, picked in the morning.",
    "brand": "Sahyadri Greens",
}
_PAGE: ProductPage = {
    "data": [_PRODUCT],
    "page": {"limit": 1, "has_more": True, "next_cursor": "qk2GEjXKOYHPAc1gjNVEWVsi", "prev_cursor": None},
}
_SUGGESTIONS: SuggestionList = {
    "data": [
        {"text": "Tomato", "kind": "commodity", "category": "vegetables", "products": 14200},
        {"text": "Tomato (Hybrid)", "kind": "name", "category": "vegetables", "products": 6100},
    ]
}
_NEAR_PAGE: ProductPage = {
    "data": [{**_PRODUCT, "distance_km": 12.638}],
    "page": {**_PAGE["page"], "near": "18.52,73.857"},
}
_FOUND_PAGE: ProductPage = {**_PAGE, "search": {"q": "tomato", "filters": {"district": "pune"}}}
_PICKED_PAGE: ProductPage = {
    "data": [_PRODUCT],
    "page": {"limit": 2, "has_more": False, "next_cursor": None, "prev_cursor": None},
    "missing": [411],
}
_UNKNOWN_PAGE: ProductPage = {
    "data": [],
    "page": {"limit": 20, "has_more": False, "next_cursor": None, "prev_cursor": None},
    "hints": [{"parameter": "state", "value": "maharastra", "near": ["Maharashtra"]}],
}
_CATEGORY_LIST: CategoryList = {
    "data": [{"category": name, "products": 10 * number} for number, name in enumerate(CATEGORIES)]
}


def _neighbour(cursor: str, which: str) -> dict[str, Any]:
    """The link to another page. Which filters the request had, a link cannot say: not each of them has a value."""
    return {
        "operationId": "listProducts",
        "description": f"The {which} page, with the same filters and sort; where the cursor is null there is none.",
        "parameters": {"cursor": f"$response.body#/page/{cursor}"},
    }


NOT_MODIFIED = Answer(
    status=304,
    meaning="Not modified: the copy that the client has is still current.",
    headers=("ETag", "Cache-Control", "Cache-Status", "Vary"),
)
CACHE_PROBLEMS = (problems.NOT_ACCEPTABLE, problems.PRECONDITION_FAILED, problems.UNAVAILABLE)


def list_products(table: QuestionTable) -> Operation:
    """The listing, with the parameters that `table` has."""
    return Operation(
        id="listProducts",
        tag=TAG,
        summary="One page of the catalogue",
        meaning=(
            "Filtered, sorted, keyset-paginated. Following `next_cursor` to the end gives every matching product once;"
            " `prev_cursor` leads back. A page costs the same at any depth."
        ),
        parameters=(*map(in_query, table.parameters.values()), *request_headers.CACHED),
        answers=(
            Answer(
                status=200,
                meaning="The page.",
                content=Content(
                    shape=ProductPage,
                    examples={
                        "page": _PAGE,
                        "near": _NEAR_PAGE,
                        "search": _FOUND_PAGE,
                        "ids": _PICKED_PAGE,
                        "unknown": _UNKNOWN_PAGE,
                    },
                ),
                headers=(*headers.CACHED, "Content-Encoding", "Link"),
                links={
                    "next": _neighbour("next_cursor", "next"),
                    "prev": _neighbour("prev_cursor", "previous"),
                    "product": {
                        "operationId": "showProduct",
                        "description": "The first product of the page.",
                        "parameters": {"id": "$response.body#/data/0/id"},
                    },
                },
            ),
            NOT_MODIFIED,
        ),
        problems=(problems.INVALID_PARAMETER, *CACHE_PROBLEMS, problems.STATEMENT_TIMEOUT),
    )


SHOW_PRODUCT = Operation(
    id="showProduct",
    tag=TAG,
    summary="One product",
    meaning="A deleted product is a 404, as one that never was.",
    parameters=(PRODUCT_ID, *request_headers.CACHED),
    answers=(
        Answer(
            status=200,
            meaning="The product.",
            content=Content(shape=WholeProduct, examples={"product": WHOLE_PRODUCT}),
            headers=(*headers.CACHED, "Content-Encoding"),
        ),
        NOT_MODIFIED,
    ),
    problems=(problems.INVALID_PARAMETER, problems.NOT_FOUND, *CACHE_PROBLEMS, problems.STATEMENT_TIMEOUT),
)

SUGGEST = Operation(
    id="suggest",
    tag=TAG,
    summary="Completions of what is being typed",
    meaning=(
        "Commodities that the words name, then names that have them; those with most products first. In every language"
        " and script of the alias table."
    ),
    parameters=(*map(in_query, suggesting.PARAMETERS.values()), *request_headers.CACHED),
    answers=(
        Answer(
            status=200,
            meaning="The suggestions.",
            content=Content(shape=SuggestionList, examples={"suggestions": _SUGGESTIONS}),
            headers=(*headers.CACHED, "Content-Encoding"),
        ),
        NOT_MODIFIED,
    ),
    problems=(problems.INVALID_PARAMETER, *CACHE_PROBLEMS),
)

LIST_CATEGORIES = Operation(
    id="listCategories",
    tag=TAG,
    summary="Every category with its number of products",
    meaning="The counts are made in the background, and are at most five minutes old.",
    parameters=request_headers.CACHED,
    answers=(
        Answer(
            status=200,
            meaning="All categories, each with its number of products.",
            content=Content(shape=CategoryList, examples={"categories": _CATEGORY_LIST}),
            headers=(*headers.CACHED, "Content-Encoding"),
        ),
        NOT_MODIFIED,
    ),
    problems=(problems.INVALID_PARAMETER, *CACHE_PROBLEMS),
)
