"""What the document says of places and farms."""

from typing import Any

from farmlokal.catalog.question.directory import FARM_PARAMETERS, PLACE_PARAMETERS
from farmlokal.catalog.reading.directory_schemas import DirectoryPageInfo, FarmPage, FarmShown, PlacePage
from farmlokal.web.answers import problems
from farmlokal.web.openapi import headers, request_headers
from farmlokal.web.openapi.catalogue import CACHE_PROBLEMS, NOT_MODIFIED, TAG
from farmlokal.web.openapi.operation import Answer, Content, Operation
from farmlokal.web.parameters.parameter import in_query
from farmlokal.web.parameters.product_id import FARM_ID

_INFO: DirectoryPageInfo = {
    "limit": 20,
    "has_more": True,
    "next_cursor": "qk2GEjXKOYHPAc1gjNVEWVsi",
    "prev_cursor": None,
}
_PLACES: PlacePage = {
    "data": [{"level": "district", "name": "Pune", "district": None, "state": "Maharashtra", "products": 14200}],
    "page": _INFO,
}
_NO_PLACES: PlacePage = {
    "data": [],
    "page": {"limit": 20, "has_more": False, "next_cursor": None, "prev_cursor": None},
    "hints": [{"parameter": "state", "value": "atlantis", "near": ["Assam"]}],
}
_FARM: FarmShown = {"id": 411, "name": "Patil Farm", "district": "Pune", "state": "Maharashtra", "products": 37}
_FARMS: FarmPage = {"data": [_FARM], "page": _INFO}
_PROBLEMS = (problems.INVALID_PARAMETER, *CACHE_PROBLEMS, problems.STATEMENT_TIMEOUT)


def _links(operation_id: str, beside: str) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "operationId": operation_id,
            "description": f"The {which} page, with the same {beside}; where the cursor is null there is none.",
            "parameters": {"cursor": f"$response.body#/page/{name}_cursor"},
        }
        for name, which in (("next", "next"), ("prev", "previous"))
    }


LIST_PLACES = Operation(
    id="listPlaces",
    tag=TAG,
    summary="The states, districts or markets that products are at",
    meaning=(
        "In the order of their names, each with its number of products: what there is to filter by. The numbers are"
        " counted in the background, and are at most five minutes old."
    ),
    parameters=(*map(in_query, PLACE_PARAMETERS.values()), *request_headers.CACHED),
    answers=(
        Answer(
            status=200,
            meaning="The page.",
            content=Content(shape=PlacePage, examples={"page": _PLACES, "unknown": _NO_PLACES}),
            headers=(*headers.CACHED, "Content-Encoding", "Link"),
            links=_links("listPlaces", "level, state and q"),
        ),
        NOT_MODIFIED,
    ),
    problems=_PROBLEMS,
)

LIST_FARMS = Operation(
    id="listFarms",
    tag=TAG,
    summary="The farms that products are from",
    meaning="In the order of their names, each with its number of products, which is at most five minutes old.",
    parameters=(*map(in_query, FARM_PARAMETERS.values()), *request_headers.CACHED),
    answers=(
        Answer(
            status=200,
            meaning="The page.",
            content=Content(shape=FarmPage, examples={"page": _FARMS}),
            headers=(*headers.CACHED, "Content-Encoding", "Link"),
            links={
                **_links("listFarms", "district and q"),
                "farm": {
                    "operationId": "showFarm",
                    "description": "The first farm of the page.",
                    "parameters": {"id": "$response.body#/data/0/id"},
                },
            },
        ),
        NOT_MODIFIED,
    ),
    problems=_PROBLEMS,
)

SHOW_FARM = Operation(
    id="showFarm",
    tag=TAG,
    summary="One farm",
    meaning="A farm stays when its products are gone: then it has none.",
    parameters=(FARM_ID, *request_headers.CACHED),
    answers=(
        Answer(
            status=200,
            meaning="The farm.",
            content=Content(shape=FarmShown, examples={"farm": _FARM}),
            headers=(*headers.CACHED, "Content-Encoding"),
        ),
        NOT_MODIFIED,
    ),
    problems=(problems.NOT_FOUND, *_PROBLEMS),
)
