"""What the process knows to be secret: every secret setting, before anything can be logged of it."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from farmlokal.app.factory import create_app
from farmlokal.telemetry.masking import masked
from tests.support.partner import partner_stand
from tests.support.service import settings_for, sqlite_url
from tests.telemetry.log_capture import own_secrets

SECRETS = {
    "secret_key": "first-signing-key,second-signing-key",
    "api_keys": "first-api-key-of-ours,second-api-key-of-ours",
    "oauth_client_secret": "a client's secret, with a comma",
    "webhook_secrets": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw,whsec_b2xkIHNlY3JldCBvZiB0aGUgcGFydG5lciwgb2xk",
    "redis_url": "redis://farmer:redis%2Fpassword@127.0.0.1:1/0",
}
EACH = (
    "first-signing-key",
    "second-signing-key",
    "first-api-key-of-ours",
    "second-api-key-of-ours",
    "a client's secret, with a comma",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "b2xkIHNlY3JldCBvZiB0aGUgcGFydG5lciwgb2xk",
    "redis%2Fpassword",
    "redis/password",
    "data@base:password",
)


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    with own_secrets():
        yield


def test_an_application_knows_every_secret_of_its_settings() -> None:
    """Each key of several, whole and without its prefix, and passwords as the URL spells them and as they are."""
    url = "mysql://farmer:data%40base%3Apassword@127.0.0.1:1/farmlokal"
    others = {
        "oauth_client_id": "farmlokal",
        "oauth_token_url": "http://127.0.0.1:1/token",
        "partner_url": "http://127.0.0.1:1",
    }
    create_app(settings_for(url, **SECRETS, **others))
    for secret in EACH:
        assert "***" in masked(f"before {secret} after"), secret
        assert secret not in masked(f"before {secret} after")
    # As the header has it that signs the client in: form-encoded pairs in base64.
    pair = f"farmlokal:{quote(SECRETS['oauth_client_secret'], safe='')}"
    assert "Basic ***" == masked(f"Basic {b64encode(pair.encode()).decode()}")
    assert "farmer at 127.0.0.1:1" == masked("farmer at 127.0.0.1:1")


def test_a_key_that_was_made_is_known_too(tmp_path: Path) -> None:
    """The one beside an SQLite file stands in no setting."""
    create_app(settings_for(sqlite_url(tmp_path), secret_key=None))
    made = (tmp_path / "catalogue.db.key").read_text("ascii")
    assert "key: ***" == masked(f"key: {made}")


async def test_an_access_token_is_known_once_it_is_fetched() -> None:
    """Before anybody is handed it."""
    async with partner_stand() as partner:
        token = await partner.tokens().get()
    assert "Bearer ***" == masked(f"Bearer {token.access_token}")
