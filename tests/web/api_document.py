"""The OpenAPI document in the hands of the tests: what it says of an answer, and whether an answer keeps to it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from farmlokal.web.openapi.document import document_of
from farmlokal.web.routes import METRICS_ROUTE, ROUTES

ALL_ROUTES = (*ROUTES, METRICS_ROUTE)
# Of HTTP itself or of its security: any answer may have them, and no client needs to be told.
OF_HTTP = {
    *("Connection", "Content-Length", "Content-Type", "Date", "Pragma", "Server"),
    *("Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options"),
}
_ADDRESS = "urn:farmlokal:openapi"


@cache
def document() -> dict[str, Any]:
    """The document of every route, as a client reads it."""
    read: dict[str, Any] = orjson.loads(orjson.dumps(document_of(ALL_ROUTES)))
    return read


def resolved(described: dict[str, Any]) -> dict[str, Any]:
    """`described`, or what it refers to in the document."""
    while "$ref" in described:
        found: Any = document()
        for part in described["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        described = found
    return described


def faults_in(value: object, schema: Mapping[str, Any]) -> list[str]:
    """What is wrong with `value` by a schema that stands in the document."""
    registry: Registry[Any] = Registry().with_resource(_ADDRESS, DRAFT202012.create_resource(document()))
    # References inside of a schema are relative to the document that it stands in.
    absolute = orjson.loads(orjson.dumps(schema).replace(b'"#/', f'"{_ADDRESS}#/'.encode()))
    validator = Draft202012Validator(absolute, registry=registry)
    return [error.message for error in validator.iter_errors(value)]


def operation(operation_id: str) -> dict[str, Any]:
    """The operation with that id."""
    every = (one for methods in document()["paths"].values() for one in methods.values())
    return next(one for one in every if one["operationId"] == operation_id)


def departures(response: Mapping[str, Any], status: int, headers: Mapping[str, str], body: bytes) -> list[str]:
    """How an answer departs from one of the document's responses; nothing where it keeps to it."""
    described = resolved(dict(response))
    wrong = []
    for name, reference in described.get("headers", {}).items():
        header = resolved(reference)
        if name in headers:
            value = int(headers[name]) if header["schema"]["type"] == "integer" else headers[name]
            wrong += [f"{name}: {fault}" for fault in faults_in(value, header["schema"])]
        elif header["required"]:
            wrong.append(f"{name} is missing")
    wrong += [f"{name} is not documented" for name in set(headers) - OF_HTTP - set(described.get("headers", {}))]
    content = described.get("content")
    if content is None:
        return wrong + (["a body where there should be none"] if body else [])
    media_type = headers["Content-Type"].partition(";")[0]
    if media_type not in content:
        return [*wrong, f"{media_type} is not documented for {status}"]
    value = orjson.loads(body) if media_type.endswith("json") else body.decode()
    return wrong + faults_in(value, content[media_type]["schema"])
