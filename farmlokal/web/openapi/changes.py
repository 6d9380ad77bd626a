"""What the document says of the change feed."""

from farmlokal.catalog.changes.schemas import ChangedProduct, ChangePage
from farmlokal.web.answers import problems
from farmlokal.web.openapi import request_headers
from farmlokal.web.openapi.catalogue import CACHE_PROBLEMS, TAG, WHOLE_PRODUCT
from farmlokal.web.openapi.operation import Answer, Content, Operation
from farmlokal.web.parameters.changes import PARAMETERS
from farmlokal.web.parameters.parameter import in_query

_CHANGED: ChangedProduct = {
    **WHOLE_PRODUCT,
    "source": "mandi",
    "external_id": "maharashtra|pune|pimpri|tomato|hybrid|faq",
    "version": 1795342500,
}
_PAGE: ChangePage = {
    "data": [
        _CHANGED,
        {"id": 918271, "source": "partner", "external_id": "okra-1", "version": 8, "deleted": True},
    ],
    "page": {"limit": 2, "has_more": True, "next_after": "9f2c66b07f1d4a3e.1044"},
}
_HEADERS = ("ETag", "Cache-Control", "Vary")

LIST_CHANGES = Operation(
    id="listChanges",
    tag=TAG,
    summary="What changed: to keep a mirror of the catalogue",
    meaning=(
        "Begin without `after` and with an empty mirror; take each page over in its order: replace the product of each"
        " `id`, or drop it where it is `deleted`. Go on with `next_after`, at once while `has_more`, else after a"
        " while. The first pages go through the whole catalogue. Products are as they are now: a mirror that has no"
        " more to come is this catalogue as it was a second or so ago. Where the log does not go back as far, the"
        " answer is a 410: start over."
    ),
    parameters=(*map(in_query, PARAMETERS.values()), *request_headers.CACHED),
    answers=(
        Answer(
            status=200,
            meaning="The page. One that is complete stays right and may be kept for a day; the last one is open.",
            content=Content(shape=ChangePage, examples={"page": _PAGE}),
            headers=(*_HEADERS, "Content-Encoding"),
            links={
                "next": {
                    "operationId": "listChanges",
                    "description": "The page that follows.",
                    "parameters": {"after": "$response.body#/page/next_after"},
                }
            },
        ),
        Answer(status=304, meaning="Not modified: the copy that the client has is still current.", headers=_HEADERS),
    ),
    problems=(problems.INVALID_PARAMETER, problems.POSITION_GONE, *CACHE_PROBLEMS, problems.STATEMENT_TIMEOUT),
)
