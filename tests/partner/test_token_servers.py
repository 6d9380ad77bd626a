"""Our client at real token endpoints: which method gets a token where, with plain and with awkward credentials."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from farmlokal.app.partner_check import check_partner
from farmlokal.errors import NotConfigured, PartnerFailed
from farmlokal.partner.client_auth import ClientAuth
from farmlokal.partner.connection import PartnerConnection
from farmlokal.partner.token_endpoint import ClientCredentials
from farmlokal.settings import Settings
from tests.docs.pages import rows, text_of
from tests.support.partner import LIMITS
from tests.support.real_packages import node_with, python_with

pytestmark = pytest.mark.proof

SERVERS = Path(__file__).with_name("token_servers")
NPM = {"oidc-provider": "9.13.3", "@node-oauth/oauth2-server": "5.3.0", "oauth2-mock-server": "8.2.3"}
PYPI = {"Authlib": "1.9.6", "Flask": "3.1.3", "django-oauth-toolkit": "3.4.1", "Django": "5.2.19"}
SCOPE = "products:read"
PLAIN = {"id": "farmlokal", "secret": "not-a-secret"}
# Every character by which form-encoding, URL-encoding and no encoding differ. Without a colon in the id: what does not
# decode could never read it.
AWKWARD = {"id": "farm lokal+1", "secret": "a b+c%20d/e:f"}
DECODES, DOES_NOT = {"basic", "post"}, {"basic-raw", "post"}
# By which methods a client with awkward credentials gets a token.
EXPECTED = {
    "oidc-provider": DECODES,
    "django-oauth-toolkit": DECODES,
    # It reads a blank as %20 alone, not as the form's +.
    "Authlib": DECODES,
    "@node-oauth/oauth2-server": DOES_NOT,
    # Whoever asks gets one.
    "oauth2-mock-server": {"basic", "basic-raw", "post"},
}


class Commands(NamedTuple):
    """What runs the servers, each with its package."""

    node: list[str]
    authlib: list[str]
    django: list[str]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """The packages in folders of their own. Where Node is missing the proof fails and says so."""
    folder = tmp_path_factory.mktemp("token-servers")
    shutil.copy(SERVERS / "node_servers.mjs", folder)
    clients = json.dumps([PLAIN, AWKWARD])
    python = python_with(folder / "python", PYPI)
    yield Commands(
        [*node_with(folder, NPM), str(folder / "node_servers.mjs"), clients, SCOPE],
        [*python, str(SERVERS / "authlib_server.py"), clients],
        [*python, str(SERVERS / "django_server.py"), clients, SCOPE],
    )
    shutil.rmtree(folder)


@asynccontextmanager
async def running(command: list[str]) -> AsyncIterator[dict[str, str]]:
    """The URLs that a command's servers print."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL)
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        assert line, f"{command[:2]} ended"
        urls: dict[str, str] = json.loads(line)
        yield urls
    finally:
        process.kill()
        await process.wait()


async def is_granted(server: str, url: str, client: dict[str, str], method: ClientAuth) -> bool:
    """Whether our token cache gets a token there; where it does not, because the client was refused."""
    # There a client has one method, and what posts is another client.
    suffix = "-post" if server == "oidc-provider" and method is ClientAuth.POST else ""
    credentials = ClientCredentials(url, client["id"] + suffix, client["secret"], SCOPE, auth=method)
    connection = PartnerConnection(credentials, NotConfigured("X"), None, limits=LIMITS)
    try:
        token = await connection.tokens.get()
    except PartnerFailed as error:
        if "refused the client: invalid_client" not in str(error):
            raise
        return False
    finally:
        await connection.close()
    assert SCOPE == token.scope
    return True


async def test_which_method_gets_a_token_where(commands: Commands) -> None:
    """Plain credentials go by every method everywhere; awkward ones as each server reads them, and the page says so."""
    async with AsyncExitStack() as stack:
        started = await asyncio.gather(*(stack.enter_async_context(running(command)) for command in commands))
        urls = {server: url for some in started for server, url in some.items()}
        assert EXPECTED.keys() == urls.keys()
        for server, url in urls.items():
            plain = {str(method) for method in ClientAuth if await is_granted(server, url, PLAIN, method)}
            assert (server, set(ClientAuth)) == (server, plain)
            awkward = {str(method) for method in ClientAuth if await is_granted(server, url, AWKWARD, method)}
            assert (server, EXPECTED[server]) == (server, awkward)
        await says_what_to_set(urls["@node-oauth/oauth2-server"])


async def says_what_to_set(url: str) -> None:
    """`partner-check` names the method by which a server that does not decode gives a token."""
    settings = Settings(
        _env_file=None,
        oauth_token_url=url,
        oauth_client_id=AWKWARD["id"],
        oauth_client_secret=AWKWARD["secret"],
        oauth_scope=SCOPE,
        partner_url="http://127.0.0.1:1",
    )
    texts = [finding.text for finding in await check_partner(settings)]
    assert any(text.endswith("set FARMLOKAL_OAUTH_CLIENT_AUTH=basic-raw") for text in texts), texts


def test_the_page_has_what_was_proved() -> None:
    """The table of docs/partner.md has each server in its version, with the methods for awkward credentials."""
    page = text_of("docs/partner.md").partition("<!-- token servers -->")[2].partition("<!-- /token servers -->")[0]
    versions = NPM | PYPI
    expected = {
        server: (versions[server], ", ".join(f"`{method}`" for method in sorted(methods)))
        for server, methods in EXPECTED.items()
    }
    assert expected == {row[0]: (row[1], row[2].partition(";")[0]) for row in rows(page) if row[0] in expected}
