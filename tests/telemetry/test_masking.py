"""Secrets in the log: whatever is logged, in whichever spelling, by whomever, none of them is written."""

import json
import logging
import sys
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest

from farmlokal.telemetry import get_logger
from farmlokal.telemetry.logging import LogFormat
from farmlokal.telemetry.masking import mask_client, mask_token, mask_values, masked, masked_line
from tests.telemetry.log_capture import own_secrets, written_log

SECRET = 'S3cret/with"quotes+and\\slash é'
LOCAL_ONLY = "only-a-local-variable"


@pytest.fixture(autouse=True)
def _secrets() -> Iterator[None]:
    with own_secrets():
        mask_values([SECRET])
        yield


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET),
        repr(SECRET.encode()),
        str({"nested": [SECRET]}),
    ],
)
def test_a_known_secret_is_masked_in_every_spelling(spelling: str) -> None:
    """As it is, in a URL, in JSON, and as Python shows texts and bytes."""
    line = masked(f"before {spelling} after")
    assert "***" in line
    assert "S3cret" not in line
    assert line.startswith("before ")
    assert line.endswith(" after")


def test_a_secret_that_begins_another_leaves_nothing_of_it() -> None:
    """The longest secret is looked for first."""
    mask_values(["S3cret-one", "S3cret-one-and-more"])
    assert "***" == masked("S3cret-one-and-more")


def test_short_values_and_our_own_name_are_left_alone() -> None:
    """A password of five characters, or `farmlokal`, would blot out ordinary words."""
    mask_values(["root", "", "farmlokal", "lokal"])
    assert "farmlokal.app.server root" == masked("farmlokal.app.server root")


def test_the_last_tokens_are_remembered() -> None:
    """A token is masked while it and the next ones live; so that memory is bounded, not for ever."""
    for number in range(40):
        mask_token(f"access-token-{number:02d}")
    assert "***" == masked("access-token-39")
    assert "***" == masked("access-token-08")
    assert "access-token-07" == masked("access-token-07")


def test_a_clients_secret_is_masked_in_the_header_that_signs_it_in() -> None:
    """Basic authentication spells id and secret in base64."""
    mask_client("farmlokal", "the-clients-secret")
    assert "***" == masked("ZmFybWxva2FsOnRoZS1jbGllbnRzLXNlY3JldA==")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abc.def-ghi12345 x", "Authorization: Bearer *** x"),
        ("{'Authorization': 'Basic Zm9vOmJhcg=='}", "{'Authorization': 'Basic ***'}"),
        ("redis://:pa55@host/0 mysql://u:pw@h/db", "redis://:***@host/0 mysql://u:***@h/db"),
        ("password=hunter2, and more", "password=***, and more"),
        ('{"access_token": "abcdef"}', '{"access_token": "***"}'),
        ("GET /x?token=abc&page=1", "GET /x?token=***&page=1"),
        ("signed by whsec_MfKQ9r8GKYqr today", "signed by whsec_*** today"),
        ("X-API-Key: foo-bar", "X-API-Key: ***"),
    ],
)
def test_what_looks_like_a_credential_is_masked_though_nobody_knows_it(text: str, expected: str) -> None:
    """An authorisation scheme, a URL's password, a webhook secret, and name=value."""
    assert expected == masked_line(text)


@pytest.mark.parametrize(
    "text",
    [
        "access_token is missing, or is not one",
        "token renewal failed: the old one serves on",
        "the token endpoint 127.0.0.1:80 refused the client: invalid_client",
        "basic auth and bearer tokens",
        '{"secret_key": null}',
        "FARMLOKAL_SECRET_KEY is not set",
    ],
)
def test_ordinary_sentences_are_left_alone(text: str) -> None:
    """Our own words about tokens and secrets stay readable."""
    assert text == masked_line(text)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_logger_writes_a_secret(log_format: LogFormat) -> None:
    """Ours and other libraries', in the event, in fields however deep, in messages, and in tracebacks."""
    with written_log(log_format) as written:
        log = get_logger("farmlokal.test")
        event = f"event with {SECRET}"
        log.info(event, reason=f"at {SECRET}", deep={"list": [{"more": SECRET}]}, raw=SECRET.encode())
        log.info("named", authorization="nobody knows this one", nested={"X-API-Key": "nor this one"}, token="or this")
        logging.getLogger("somebody.else").warning("said %s", SECRET)
        try:
            _fail(LOCAL_ONLY)
        except ValueError:
            log.exception("failed")
            logging.getLogger("somebody.else").exception("failed too")
    text = written.getvalue()
    assert 2 == text.count("could not open mysql://u:***@host, 22 characters")
    assert "named" in text
    for hidden in ("S3cret", "nobody knows", "nor this", "or this", LOCAL_ONLY):
        assert hidden not in text
    if log_format == "json":
        assert 5 == len([json.loads(line) for line in text.splitlines()])


def _fail(password: str) -> None:
    unseen = f"{password}!"
    raise ValueError(f"could not open mysql://u:{SECRET}@host, {len(unseen)} characters")


def test_a_crash_is_told_without_secrets() -> None:
    """An exception that nobody catches is written as Python does it, and masked."""
    with written_log() as written:
        try:
            _fail(LOCAL_ONLY)
        except ValueError as error:
            sys.excepthook(ValueError, error, error.__traceback__)
    assert "Traceback (most recent call last)" in written.getvalue()
    assert "ValueError: could not open mysql://u:***@host" in written.getvalue()


def test_a_line_that_is_not_written_costs_no_masking() -> None:
    """Below the level nothing is rendered."""
    with written_log(level="warning") as written:
        get_logger("farmlokal.test").debug("quiet", value=object())
        logging.getLogger("aiosqlite").debug("a statement with its values")
    assert "" == written.getvalue()
