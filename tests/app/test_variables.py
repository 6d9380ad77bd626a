"""Where variables are set, and those that are none of ours: in the environment and in `.env`."""

import os
from pathlib import Path

import pytest

from farmlokal.app.variables import UnknownVariable, places_of_values, unknown_variables
from farmlokal.settings import Settings, variable


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment without our variables, and a working directory without a `.env` file."""
    for name in [name for name in os.environ if name.startswith("FARMLOKAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_a_misspelt_variable_is_found_wherever_it_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is named with its place and the variable that was meant; those of the tests and empty ones are passed over."""
    for name in ("FARMLOKAL_DATABSE_URL", "FARMLOKAL_BOTH", "FARMLOKAL_TEST_REDIS_URL", "FARMLOKAL_STALE_S"):
        monkeypatch.setenv(name, "1")
    lines = [
        "FARMLOKAL_CACHE_TTL=1",
        "export FARMLOKAL_OAUTH_SECRET='a b'",
        "farmlokal_webhook_secret=x",
        "FARMLOKAL_BOTH=2",
        "FARMLOKAL_EMPTY=",
        "FARMLOKAL_TEST_DATABASE_URL=x",
        "FARMLOKAL_LOG_LEVEL=debug",
        "#FARMLOKAL_COMMENT=1",
        "OTHER=1",
    ]
    (tmp_path / ".env").write_text("\n".join(lines), "utf-8")
    assert [
        UnknownVariable("FARMLOKAL_BOTH", "the environment", None),
        UnknownVariable("FARMLOKAL_CACHE_TTL", ".env", "FARMLOKAL_CACHE_TTL_S"),
        UnknownVariable("FARMLOKAL_DATABSE_URL", "the environment", "FARMLOKAL_DATABASE_URL"),
        UnknownVariable("FARMLOKAL_OAUTH_SECRET", ".env", "FARMLOKAL_OAUTH_CLIENT_SECRET"),
        UnknownVariable("FARMLOKAL_WEBHOOK_SECRET", ".env", "FARMLOKAL_WEBHOOK_SECRETS"),
    ] == unknown_variables()


@pytest.mark.parametrize("field", Settings.model_fields)
def test_a_letter_that_is_missing_is_found(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    """Every variable is the suggestion for its own name without its last letter."""
    monkeypatch.setenv(variable(field)[:-1], "1")
    (unknown,) = unknown_variables()
    assert variable(field) == unknown.nearest


def test_a_file_in_another_encoding_hides_nothing_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What cannot be read is a fault of the settings; the environment is looked at all the same."""
    (tmp_path / ".env").write_bytes(b"FARMLOKAL_STALE=\xff\n")
    monkeypatch.setenv("FARMLOKAL_CACHE_TTTL_S", "1")
    assert ["FARMLOKAL_CACHE_TTTL_S"] == [unknown.name for unknown in unknown_variables()]


def test_every_value_has_a_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment goes before the file, the file before the default; an empty variable is none."""
    (tmp_path / ".env").write_text("FARMLOKAL_STALE_S=8\nFARMLOKAL_CACHE_TTL_S=7\nFARMLOKAL_DRAIN_S=\n", "utf-8")
    monkeypatch.setenv("FARMLOKAL_STALE_S", "9")
    places = places_of_values()
    assert [variable(field) for field in Settings.model_fields] == list(places)
    ours = ("FARMLOKAL_STALE_S", "FARMLOKAL_CACHE_TTL_S", "FARMLOKAL_DRAIN_S")
    assert ["the environment", ".env", "the default"] == [places[name] for name in ours]
