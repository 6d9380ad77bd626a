"""Five tools make clients of the document: each is typed as expected, walks through the listing, and hears errors."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from tests.clients import walks
from tests.clients.tools import Workshop
from tests.support.products import PRODUCTS, catalogue
from tests.support.service import serving, settings_for

pytestmark = [pytest.mark.proof, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The tools, installed once."""
    made = Workshop(tmp_path_factory.mktemp("clients"))
    asyncio.run(made.install())
    return made


@pytest.fixture
async def base_url(workshop: Workshop, tmp_path: Path) -> AsyncIterator[str]:
    """The address of a service whose document lies in the workshop."""
    async with serving(settings_for(await catalogue(tmp_path))) as service:
        async with service.client.get("/openapi.json") as answer:
            (workshop.folder / "openapi.json").write_bytes(await answer.read())
        yield f"http://127.0.0.1:{service.port}"


def check_walk(printed: str) -> None:
    """Assert that a walk met every product once, found those of two districts, and heard which parameter was wrong."""
    told = orjson.loads(printed)
    assert PRODUCTS == len(told["ids"]) == len(set(told["ids"]))
    assert {"Pune", "Nashik"} == set(told["districts"])
    assert ["limit"] == told["wrong"]


async def test_openapi_python_client(workshop: Workshop, base_url: str) -> None:
    """Python with httpx: without a warning, and every error that is described has its class."""
    config = workshop.folder / "config.yml"
    settings = [
        "package_name_override: farmlokal_client",
        "post_hooks: []",
        # It knows of no pictures but as bytes.
        "content_type_overrides: {image/svg+xml: application/octet-stream}",
    ]
    config.write_text("\n".join([*settings, ""]), "utf-8")
    options = ("--path", "openapi.json", "--meta", "none", "--config", config.name, "--fail-on-warning")
    await workshop.python_tool("openapi_python_client", ("generate", *options, "--output-path", "farmlokal_client"))
    check_walk(await workshop.python_walk("client", walks.OPENAPI_PYTHON_CLIENT, base_url))


async def test_datamodel_code_generator(workshop: Workshop, base_url: str) -> None:
    """Models of pydantic."""
    options = ("--input-file-type", "openapi", "--output-model-type", "pydantic_v2.BaseModel", "--use-annotated")
    scopes = ("--openapi-scopes", "schemas", "parameters", "paths")
    files = ("--input", "openapi.json", "--output", "farmlokal_models.py")
    await workshop.python_tool("datamodel_code_generator", (*files, *options, *scopes))
    check_walk(await workshop.python_walk("models", walks.DATAMODEL_CODE_GENERATOR, base_url))


async def test_openapi_typescript(workshop: Workshop, base_url: str) -> None:
    """Types for TypeScript, in the hands of openapi-fetch."""
    await workshop.node_tool("openapi-typescript", "openapi.json", "--output", "openapi_typescript.ts")
    check_walk(await workshop.node_walk("openapi_typescript", walks.OPENAPI_TYPESCRIPT, base_url))


async def test_orval(workshop: Workshop, base_url: str) -> None:
    """A function of TypeScript for each operation, which calls `fetch`."""
    output = {"target": "orval.ts", "client": "fetch", "baseUrl": base_url}
    config = orjson.dumps({"farmlokal": {"input": "openapi.json", "output": output}}).decode()
    (workshop.folder / "orval.config.js").write_text(f"export default {config};\n", "utf-8")
    await workshop.node_tool("orval", "--config", "orval.config.js")
    check_walk(await workshop.node_walk("orval", walks.ORVAL, base_url))


async def test_swagger_typescript_api(workshop: Workshop, base_url: str) -> None:
    """A class of TypeScript with all operations."""
    names = ("--path", "openapi.json", "--output", ".", "--name", "swagger_typescript_api.ts")
    await workshop.node_tool("swagger-typescript-api", "generate", *names)
    check_walk(await workshop.node_walk("swagger_typescript_api", walks.SWAGGER_TYPESCRIPT_API, base_url))
