"""The OpenAPI document: it is valid, and says what the code does."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from farmlokal.app.factory import create_app
from farmlokal.app.webhooks import handlers
from farmlokal.catalog.question.forms import WORDS
from farmlokal.catalog.question.parameter import QuestionParameter
from farmlokal.catalog.question.query import LIMIT_DEFAULT, LIMIT_MAX
from farmlokal.catalog.question.table import TABLE
from farmlokal.database.address import parse_address
from farmlokal.database.connect import database_at
from farmlokal.formats.text import refusal
from farmlokal.web import keys
from farmlokal.web.answers.problems import PROBLEM_TYPES
from farmlokal.web.edge.rate_limit import quota_of
from farmlokal.web.openapi.events import EVENTS
from farmlokal.web.openapi.headers import HEADERS
from farmlokal.web.openapi.problem_schemas import ANYWHERE
from tests.support.products import catalogue
from tests.support.raw_requests import ask
from tests.support.service import serving, settings_for, sqlite_url
from tests.web.api_document import ALL_ROUTES, document, faults_in, operation, resolved

_IN_PATH = re.compile(r"\{(\w+)\}")
_OPERATIONS = [one for path in document()["paths"].values() for one in path.values()]
# Any text, and text as the forms have it.
_TEXTS = st.one_of(
    st.text(max_size=110),
    st.from_regex(r"0{0,3}[0-9]{1,11}(\.[0-9]{0,3})?", fullmatch=True),
    st.sampled_from(
        [
            "true",
            "false",
            "price",
            "-rating",
            "fruits",
            "Pune",
            " ",
            "\u3000",
            "\xa0x",
            "\x85",
            "ﷺ" * 90,
            "\u200d",
            " \u200c",
            "\ufeffa",
        ]
    ),
)


def served(app: web.Application) -> set[tuple[str, str]]:
    """Method and path of each route of `app`, save HEAD and OPTIONS, which follow from the others."""
    return {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.method not in ("HEAD", "OPTIONS") and route.resource is not None
    }


def described(found: dict[str, Any]) -> set[tuple[str, str]]:
    """Method and path of each operation of a document."""
    return {(method.upper(), path) for path, methods in found["paths"].items() for method in methods}


def test_the_document_is_valid() -> None:
    """`openapi-spec-validator` has nothing to say against it."""
    assert [] == list(OpenAPIV31SpecValidator(document()).iter_errors())


@pytest.mark.parametrize("metrics_port", [None, 9100])
async def test_what_is_served_is_what_is_described(tmp_path: Path, metrics_port: int | None) -> None:
    """The router and the document have the same routes; the metrics' one is in neither when it has its own port."""
    app = create_app(settings_for(sqlite_url(tmp_path), metrics_port=metrics_port))
    of_app = {(route.method, route.path) for route in app[keys.API_DOCUMENT].routes}
    assert served(app) == of_app
    assert metrics_port is None or ("GET", "/metrics") not in of_app
    if metrics_port is None:
        assert of_app == described(document())


async def test_the_served_document_is_this_one(tmp_path: Path) -> None:
    """`/openapi.json` gives the document of the application's own routes."""
    async with serving(settings_for(await catalogue(tmp_path))) as service:
        answer = await ask(service.port, "/openapi.json")
    assert (200, "application/json") == (answer.status, answer.headers["Content-Type"])
    assert document() == answer.json()


def test_every_operation_is_told_apart_and_explained() -> None:
    """Ids are unique; each operation has a summary, a description, a success, and every parameter of its path."""
    ids = [one["operationId"] for one in _OPERATIONS]
    assert len(ids) == len(set(ids))
    for path, methods in document()["paths"].items():
        for one in methods.values():
            assert one["summary"]
            assert one["description"]
            assert "200" in one["responses"]
            parameters = [resolved(parameter) for parameter in one["parameters"]]
            assert set(_IN_PATH.findall(path)) == {each["name"] for each in parameters if each["in"] == "path"}
            assert all(each["required"] for each in parameters if each["in"] == "path")


@pytest.mark.parametrize("parameter", TABLE.parameters.values(), ids=lambda one: one.name)
def test_every_parameter_of_the_listing_is_described(parameter: QuestionParameter) -> None:
    """The document has each parameter that is read, with the schema of its form, and examples that its form takes."""
    (found,) = [one for one in operation("listProducts")["parameters"] if one.get("name") == parameter.name]
    assert ("query", parameter.meaning) == (found["in"], found["description"])
    schema = found["schema"]["items"] if parameter.several else found["schema"]
    assert dict(parameter.form.schema).items() <= schema.items()
    if parameter.example is not None:
        parameter.form.parse(as_text(parameter.example))
        assert [] == [fault for value in found["schema"]["examples"] for fault in faults_in(value, found["schema"])]


def test_every_order_has_a_name() -> None:
    """Tools make an enumeration of the orders, and can make no name of `-price` themselves."""
    (schema,) = [one["schema"] for one in operation("listProducts")["parameters"] if one.get("name") == "sort"]
    named = dict(zip(schema["enum"], schema["x-enum-varnames"], strict=True))
    assert len(named) == len(set(named.values()))
    assert all(name.isidentifier() for name in named.values())
    assert ("PRICE", "PRICE_DESC") == (named["price"], named["-price"])


def test_every_list_is_repeated_and_says_so() -> None:
    """The one form that tools which make clients agree upon; of objects in a query they agree upon none."""
    asked = [resolved(one) for each in _OPERATIONS for one in each.get("parameters", ())]
    lists = [one for one in asked if one["in"] == "query" and resolved(one["schema"]).get("type") == "array"]
    assert {"category", "district", "state", "farm_id", "ids"} <= {one["name"] for one in lists}
    assert {("form", True)} == {(one["style"], one["explode"]) for one in lists}
    assert "object" not in {resolved(one["schema"]).get("type") for one in asked}


def test_a_new_category_breaks_no_client() -> None:
    """In answers it is any text; in a question it is one of the list."""
    for name in ("Product", "CategoryCount"):
        assert "enum" not in document()["components"]["schemas"][name]["properties"]["category"]
    (asked,) = [one for one in operation("listProducts")["parameters"] if one.get("name") == "category"]
    assert "enum" in asked["schema"]["items"]


def test_every_problem_is_a_whole_schema_of_its_own() -> None:
    """With a name, without `allOf`: tools that make clients drop what stands inline or beside one."""
    for name, schema in document()["components"]["schemas"].items():
        if name.endswith("Problem"):
            assert "allOf" not in schema
            assert {"type", "title", "status", "detail", "instance"} <= set(schema["required"])
            inline = [one for one in schema["properties"].values() if one.get("items", one).get("type") == "object"]
            assert [] == inline


def test_the_bounds_are_those_of_the_code() -> None:
    """The limit's bounds and default, which clients rely upon, are the listing's own."""
    (limit,) = [one["schema"] for one in operation("listProducts")["parameters"] if one.get("name") == "limit"]
    assert (1, LIMIT_MAX, LIMIT_DEFAULT) == (limit["minimum"], limit["maximum"], limit["default"])


@pytest.mark.parametrize(
    "parameter",
    [one for one in TABLE.parameters.values() if one.name not in ("category", "cursor")],
    ids=lambda one: one.name,
)
def test_what_a_schema_takes_its_parser_takes(parameter: QuestionParameter) -> None:
    """No text is right by the document and wrong by the code, or the other way round."""
    validator = Draft202012Validator(dict(parameter.form.schema))

    @settings(max_examples=150, deadline=None, database=None)
    @given(text=_TEXTS)
    def agree(text: str) -> None:
        if refusal(text) is not None:
            return  # refused before any form is asked
        taken = takes(parameter.form.parse, text)
        # How many words a text has, no schema tells.
        if parameter.form is not WORDS or taken:
            assert validator.is_valid(as_value(text, parameter)) == taken

    agree()


def test_every_event_is_described() -> None:
    """The webhook's body has a schema for each type of event that takes effect, and an example that keeps to it."""
    database = database_at(parse_address("sqlite:///unused.db"), pool_size=1, statement_limit_ms=1)
    assert set(handlers(database, source="partner")) == set(EVENTS)
    (content,) = operation("receiveWebhook")["requestBody"]["content"].values()
    assert set(EVENTS) == set(content["examples"])


def test_every_example_keeps_to_its_schema() -> None:
    """No example of a body says what its schema forbids."""
    checked = 0
    for one in _OPERATIONS:
        bodies = [one["requestBody"]] if "requestBody" in one else []
        for answer in [*bodies, *map(resolved, one["responses"].values())]:
            for content in answer.get("content", {}).values():
                for name, example in content.get("examples", {}).items():
                    # A generator of models takes an example so named for a field (findings/example-named-summary.sh).
                    assert name not in {"summary", "description", "externalValue"}
                    assert [] == faults_in(resolved(example)["value"], content["schema"])
                    checked += 1
    assert checked > 100


def test_every_problem_type_appears() -> None:
    """Each type has a schema, an example and a response; each that is not for unknown addresses is some operation's."""
    components = document()["components"]
    assert set(PROBLEM_TYPES) == set(components["examples"]) == set(components["responses"])
    sent = {
        name
        for one in _OPERATIONS
        for response in one["responses"].values()
        for name in resolved(response).get("content", {}).get("application/problem+json", {}).get("examples", {})
    }
    assert {"method-not-allowed"} == set(PROBLEM_TYPES) - sent
    assert {problem.name for problem in ANYWHERE} <= sent


def test_what_the_rate_limit_counts_says_so() -> None:
    """An operation's answers have the limit's headers, and a 429, exactly where its requests are counted."""
    for route in ALL_ROUTES:
        assert route.operation.limited == (quota_of(route.path) is not None)
        assert route.operation.limited == ("429" in operation(route.operation.id)["responses"])


def test_every_header_is_some_answers() -> None:
    """No header is explained that no answer has."""
    used = {
        name
        for response in [*document()["components"]["responses"].values(), *answers()]
        for name in resolved(response).get("headers", {})
    }
    assert set(HEADERS) == used


def test_links_lead_to_operations() -> None:
    """Each link names an operation and parameters that it has: the next and previous page, a product, a farm, a run."""
    links = [link for answer in answers() for link in resolved(answer).get("links", {}).items()]
    assert {"next", "prev", "product", "farm", "run"} == {name for name, _ in links}
    for _, link in links:
        names = {resolved(one)["name"] for one in operation(link["operationId"])["parameters"]}
        assert set(link["parameters"]) <= names


def test_protected_routes_say_so() -> None:
    """Those with an API key take it either way, the webhook its signature, all others nothing."""
    found = {one["operationId"]: [next(iter(each)) for each in one["security"]] for one in _OPERATIONS}
    keyed = {"showToken", "startSync", "startSyncByGet", "showSync"}
    assert {key: ["bearer", "apiKey"] for key in keyed} | {"receiveWebhook": ["webhookSignature"]} == {
        name: schemes for name, schemes in found.items() if schemes
    }
    assert len(ALL_ROUTES) == len(found)


def answers() -> list[dict[str, Any]]:
    """Every response of every operation."""
    return [response for one in _OPERATIONS for response in one["responses"].values()]


def as_text(value: object) -> str:
    """A JSON value as it stands in a query."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_value(text: str, parameter: QuestionParameter) -> object:
    """What `text` stands for in JSON, by the type that the parameter's schema names; else the text."""
    match parameter.form.schema["type"]:
        case "integer":
            return int(text) if re.fullmatch(r"[0-9]+", text, re.ASCII) else text
        case "boolean":
            return {"true": True, "false": False, "1": True, "0": False}.get(text.lower(), text)
    return text


def takes(parse: Callable[[str], object], text: str) -> bool:
    """Whether a parser takes `text`."""
    try:
        parse(text)
    except ValueError:
        return False
    return True
