"""The libraries that senders sign with, of npm and PyPI: what they sign takes effect, and they read our simulator."""

import asyncio
import base64
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from farmlokal.simulator.webhooks import WEBHOOK_SECRET, Sending, Webhooks
from tests.docs.pages import rows, text_of
from tests.support.partner import odd_upstream
from tests.support.real_packages import node_with, python_with
from tests.support.service import open_database, serving, settings_for, sqlite_url
from tests.support.webhook_sender import body_of, post, product

pytestmark = pytest.mark.proof

SENDERS = Path(__file__).with_name("senders")
NPM = {"standardwebhooks": "1.1.1", "svix": "2.5.0"}
PYPI = {"standardwebhooks": "1.1.0", "svix": "2.9.1"}
RAW = bytes(range(216, 241))
PADDED = base64.b64encode(RAW).decode()
SPELLINGS = {
    "whsec_": f"whsec_{PADDED}",
    "no prefix": PADDED,
    "no padding": f"whsec_{PADDED.rstrip('=')}",
    "16 bytes": f"whsec_{base64.b64encode(RAW[:16]).decode()}",
    "72 bytes": f"whsec_{base64.b64encode(RAW * 2 + RAW[:22]).decode()}",
    "URL-safe": f"whsec_{base64.urlsafe_b64encode(RAW).decode()}",
}
# Of an URL-safe secret: npm's refuse it, PyPI's leave its - and _ out and sign with another key than it writes.
URL_SAFE: dict[str, bool | None] = {f"{name} (npm)": None for name in NPM} | {f"{name} (PyPI)": False for name in PYPI}


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[list[str]]]:
    """What runs the two senders. Where Node is missing the proof fails and says so."""
    folder = tmp_path_factory.mktemp("senders")
    shutil.copy(SENDERS / "node_sender.mjs", folder)
    yield [
        [*node_with(folder, NPM), str(folder / "node_sender.mjs")],
        [*python_with(folder / "python", PYPI), str(SENDERS / "python_sender.py")],
    ]
    shutil.rmtree(folder)


async def ask(commands: Sequence[Sequence[str]], request: dict[str, Any]) -> dict[str, Any]:
    """What all senders answer to one request, put together."""
    together: dict[str, Any] = {}
    pipe = asyncio.subprocess.PIPE
    for command in commands:
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        out, _ = await process.communicate(json.dumps(request).encode())
        for name, part in json.loads(out).items():
            together[name] = together.get(name, {}) | part
    return together


async def test_what_senders_sign_takes_effect(tmp_path: Path, commands: list[list[str]]) -> None:
    """In every spelling of a secret that a library reads, under both names of the headers, and by Ed25519 of Node's."""
    url, now_s, body = sqlite_url(tmp_path), int(time.time()), body_of("product.upserted", product())
    request = {"id": "msg_1", "timestamp": now_s, "body": body.decode(), "secrets": list(SPELLINGS.values())}
    answer = await ask(commands, {**request, "received": []})
    assert URL_SAFE.keys() == answer["signatures"].keys()
    async with open_database(url):
        for number, (spelling, secret) in enumerate(SPELLINGS.items()):
            keys = f"{secret},{answer['ed25519']['key']}"
            async with serving(settings_for(url, webhook_secrets=keys)) as service:

                async def status(signature: str, prefix: str = "webhook", client: Any = service.client) -> int:
                    values = ("msg_1", str(now_s), signature)
                    names = (f"{prefix}-id", f"{prefix}-timestamp", f"{prefix}-signature")
                    return (await post(client, body, dict(zip(names, values, strict=True)))).status

                assert 200 == await status(answer["ed25519"]["signature"])
                for name, signatures in answer["signatures"].items():
                    signature = signatures[number]
                    taken = None if signature is None else 200 == await status(signature)
                    expected = URL_SAFE[name] if spelling == "URL-safe" else True
                    assert (name, spelling, expected) == (name, spelling, taken)
                    if taken:
                        assert 200 == await status(signature, "svix")


async def test_they_read_what_the_simulator_signs(commands: list[list[str]]) -> None:
    """Each library verifies its deliveries; svix's under the names from before the specification, too."""
    received: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        received.append({"secret": WEBHOOK_SECRET, "headers": headers, "body": await request.text()})
        return web.Response()

    events = [{"type": "product.upserted", "data": product(name="Okra é")}]
    async with odd_upstream(take) as url:
        webhooks = Webhooks()
        webhooks.register(f"{url}/")
        for headers in ("webhook", "svix"):
            await webhooks.send(Sending.model_validate({"events": events, "headers": headers}))
    request = {"id": "msg_1", "timestamp": 1, "body": "", "secrets": [], "received": received}
    verified = (await ask(commands, request))["verified"]
    assert {name: [True, name.startswith("svix")] for name in URL_SAFE} == verified


def test_the_page_has_what_was_proved() -> None:
    """The table of docs/partner.md has each library in its version."""
    versions = {f"{name} (npm)": version for name, version in NPM.items()}
    versions |= {f"{name} (PyPI)": version for name, version in PYPI.items()}
    page = text_of("docs/partner.md").partition("<!-- senders -->")[2].partition("<!-- /senders -->")[0]
    assert versions == {row[0]: row[1] for row in rows(page) if row[0] in versions}
