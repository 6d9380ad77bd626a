"""The OpenAPI 3.1 document of the routes that are served."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from farmlokal import __version__
from farmlokal.web.answers.problems import RATE_LIMITED
from farmlokal.web.openapi import events, headers, problem_schemas, request_headers
from farmlokal.web.openapi.operation import Answer, Content, Operation, Route
from farmlokal.web.openapi.schemas import Mode, Schemas
from farmlokal.web.parameters.parameter import Parameter

_ABOUT = """\
The product listing of a hyperlocal farm marketplace.

Money is a decimal string, times are whole seconds in UTC. `HEAD` is answered wherever `GET` is and has no effect, and
`OPTIONS` everywhere; any other method is a 405 with `Allow`. The routes of the catalogue refuse parameters that are not
listed, save those that trackers append (`utm_…`, `fbclid`, `gclid`, `_`).

### Errors

Every error, that of malformed HTTP too, is a problem document (RFC 9457) of this form:

```json
{"type":"/problems/invalid-parameter","title":"Invalid parameter","status":400,
 "detail":"limit must be between 1 and 100","instance":"9aa16a6291566ede",
 "errors":[{"parameter":"limit","value":"0","detail":"must be between 1 and 100"}]}
```

`type` tells the kinds apart, and its page explains the kind. `instance` is the request's id, which the service's log
has too. `errors` is there for wrong parameters alone, and lists every fault at once; `upstream` for faults of the
partner.
"""
_SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "One of the service's API keys."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same without a scheme."},
    "webhookSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "webhook-signature",
        "description": "Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over `{id}.{timestamp}.{body}`, or"
        " `v1a,` and that of Ed25519.",
    },
}


def document_of(routes: Sequence[Route]) -> dict[str, Any]:
    """The document, which describes `routes` and nothing else."""
    operations = [route.operation for route in routes]
    schemas = Schemas([(problem_schemas.DETAILS, "serialization"), *_shapes(operations)])
    events.relax_source(schemas.components)
    of_problems = problem_schemas.component_schemas(schemas.components.pop(problem_schemas.DETAILS.__name__))
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route.operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "FarmLokal",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "where this document comes from"}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted({**schemas.components, **events.COMPONENTS, **of_problems}.items())),
            "responses": problem_schemas.component_responses(),
            "parameters": {one.name: _parameter(one) for one in _SHARED},
            "examples": problem_schemas.component_examples(),
            "headers": headers.components(),
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


_SHARED = (*request_headers.ANYWHERE, *request_headers.CACHED)


def _shapes(operations: Iterable[Operation]) -> Iterator[tuple[Any, Mode]]:
    """Every type that stands for a schema, and whether it is read or written."""
    yield problem_schemas.FAULT, "serialization"
    yield problem_schemas.UPSTREAM, "serialization"
    for model in events.MODELS.values():
        yield model, "validation"
    for operation in operations:
        for answer in operation.answers:
            if answer.content is not None and not isinstance(answer.content.shape, dict):
                yield answer.content.shape, "serialization"


def _operation(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    limits = headers.LIMITED if operation.limited else ()
    sent = [*operation.problems, *problem_schemas.ANYWHERE, *([RATE_LIMITED] if operation.limited else [])]
    responses = problem_schemas.responses_of(sent, limits, operation.problem_headers, cacheable=operation.cacheable)
    for answer in operation.answers:
        responses[str(answer.status)] = _with_problems(
            _answer(answer, schemas, limits), responses.get(str(answer.status))
        )
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.meaning,
        "parameters": [_reference_or_parameter(one) for one in (*operation.parameters, *request_headers.ANYWHERE)],
        "responses": dict(sorted(responses.items())),
        "security": [{name: []} for name in operation.security],
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _content(operation.body, schemas, "validation")}
    return described


def _with_problems(answer: dict[str, Any], problem: dict[str, Any] | None) -> dict[str, Any]:
    """One response for a status that is sent with both kinds of content."""
    if problem is None:
        return answer
    return {**answer, "content": {**answer["content"], **problem["content"]}}


def _answer(answer: Answer, schemas: Schemas, limits: Sequence[str]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": answer.meaning,
        "headers": headers.references(*answer.headers, *headers.EVERYWHERE, *limits),
    }
    if answer.content is not None:
        described["content"] = _content(answer.content, schemas, "serialization")
    if answer.links:
        described["links"] = dict(answer.links)
    return described


def _content(content: Content, schemas: Schemas, mode: Mode) -> dict[str, Any]:
    schema = content.shape if isinstance(content.shape, dict) else schemas.of(content.shape, mode)
    described: dict[str, Any] = {"schema": schema}
    if content.examples:
        described["examples"] = {name: {"value": value} for name, value in content.examples.items()}
    return dict.fromkeys(content.media_types, described)


def _named(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`schema`, with names for values of an enumeration of which tools can make none: `-price` would be VALUE_3."""
    values = schema.get("enum", ())
    if not any(value.startswith("-") for value in values):
        return {**schema}
    names = [f"{value.removeprefix('-')}_DESC" if value.startswith("-") else value for value in values]
    return {**schema, "x-enum-varnames": [name.upper() for name in names]}


def _reference_or_parameter(parameter: Parameter) -> dict[str, Any]:
    if parameter in _SHARED:
        return {"$ref": f"#/components/parameters/{parameter.name}"}
    return _parameter(parameter)


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = _named(parameter.form.schema)
    repeated: dict[str, Any] = {}
    if parameter.several is not None:
        schema = {"type": "array", "items": schema, "minItems": 1, "maxItems": parameter.several.most}
        # The default, but one of the tools that make clients joins the values with commas unless it is said.
        repeated = {"style": "form", "explode": True}
    if parameter.default is not None:
        schema["default"] = parameter.default
    if parameter.example is not None:
        # In the schema, where pages show it; beside it they would fill it in, and every filter would be set at once.
        schema["examples"] = [parameter.example if parameter.several is None else [parameter.example]]
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.meaning,
        "required": parameter.required,
        **repeated,
        "schema": schema,
    }
