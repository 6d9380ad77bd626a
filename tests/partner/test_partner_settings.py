"""The settings of the partner: what is refused, and what is shown to nobody."""

from typing import Any

import pytest

from farmlokal.settings import SettingsInvalid, load_settings

GOOD = {
    "api_keys": "a-key-of-sixteen-characters,another-key-of-as-many",
    "oauth_token_url": "https://sign-in.example/oauth/token?tenant=7",
    "oauth_client_id": "us",
    "oauth_client_secret": "hush",
    "oauth_client_auth": "basic-raw",
    "oauth_token_lifetime_s": 60,
    "oauth_scope": "products:read orders:read",
    "oauth_audience": "https://api.example",
    "partner_url": "https://api.example:8443/v1",
    "partner_source": "partner-2",
}


def test_good_values_are_taken_and_secrets_masked() -> None:
    """Everything is shown but the API keys and the client's secret."""
    masked = load_settings(_env_file=None, **GOOD).masked()
    hidden = {"api_keys", "oauth_client_secret"}
    expected = {f"FARMLOKAL_{name.upper()}": "***" if name in hidden else value for name, value in GOOD.items()}
    assert expected == {name: masked[name] for name in expected}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("api_keys", "short"),
        ("api_keys", "a-key-of-sixteen-characters,"),
        ("api_keys", "a key with spaces in it"),
        ("oauth_token_url", "ftp://sign-in.example/token"),
        ("oauth_token_url", "sign-in.example/token"),
        ("oauth_token_url", "https:///token"),
        ("oauth_token_url", "https://us:hush@sign-in.example/token"),
        ("oauth_token_url", "https://sign-in.example/token#part"),
        ("oauth_token_url", "https://sign-in.example:99999/token"),
        ("oauth_client_auth", "digest"),
        ("oauth_token_lifetime_s", 0),
        ("oauth_scope", "two  spaces"),
        ("oauth_scope", 'a"quote'),
        ("partner_url", "file:///etc/passwd"),
        ("partner_url", "https://us:hush@api.example"),
        ("partner_url", "https://api.example:port/v1"),
        ("partner_url", "https://api.example/?page=1"),
        ("partner_source", "With Spaces"),
        ("partner_source", "x" * 33),
    ],
)
def test_a_wrong_value_is_refused_by_name(field: str, value: Any) -> None:
    """One line, which names the variable and repeats no secret."""
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(_env_file=None, **{**GOOD, field: value})
    (line,) = caught.value.lines
    assert line.startswith(f"FARMLOKAL_{field.upper()}: ")
    assert "hush" not in line
    assert field != "api_keys" or value not in line


def test_a_colon_in_the_id_is_encoded_or_posted() -> None:
    """Not encoded it would end there for the server: the method is refused, and the others are not."""
    others = {**GOOD, "oauth_client_id": "us:them"}
    with pytest.raises(SettingsInvalid, match="FARMLOKAL_OAUTH_CLIENT_AUTH: must be basic or post"):
        load_settings(_env_file=None, **others)
    assert "post" == load_settings(_env_file=None, **{**others, "oauth_client_auth": "post"}).oauth_client_auth
