"""The settings: environment variables, and a `.env` file in development."""

import os
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from farmlokal.database.address import SQLiteAddress, parse_address

PREFIX = "FARMLOKAL_"
_MASK = "***"
_KEY_CHARS_MIN = 16
_REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
_PASSWORD = re.compile(r"(?<=:)[^:@/]+(?=@)")
# Read by the test suite, never by the service.
_TEST_VARIABLES = re.compile(r"FARMLOKAL_(TEST_.*|REALDATA)")


class SettingsInvalid(Exception):
    """One or more settings are wrong; `lines` has one line per fault."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def _database_url(url: str) -> str:
    parse_address(url)
    return url


def _redis_url(url: str) -> str:
    if not url.startswith(_REDIS_SCHEMES):
        raise ValueError(f"must begin with {', '.join(_REDIS_SCHEMES)}")
    return url


def _secret_keys(text: str) -> str:
    if any(len(key) < _KEY_CHARS_MIN for key in text.split(",")):
        raise ValueError(f"must be comma-separated keys of at least {_KEY_CHARS_MIN} characters each")
    return text


class Settings(BaseSettings):
    """Every setting, checked. A field's variable is its name in upper case after `FARMLOKAL_`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
    )

    database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        "sqlite:///farmlokal.db",
        description="`mysql://user:pass@host:port/db` (also `unix_socket`, `ssl_ca` parameters) or `sqlite:///path`",
    )
    database_pool: int = Field(10, ge=1, le=1000, description="connections per worker")
    statement_limit_ms: int = Field(2000, ge=10, le=600_000, description="the longest a listing query may run")
    redis_url: Annotated[str, AfterValidator(_redis_url)] | None = Field(
        None, description="`redis://`, `rediss://` or `unix://`; without it the cache is the process's memory alone"
    )
    redis_wait_ms: int = Field(100, ge=1, le=10_000, description="the longest a request waits for Redis")
    secret_key: Annotated[str, AfterValidator(_secret_keys)] | None = Field(
        None,
        description="signs cursors; comma-separated, newest first, any verifies; required with a MySQL or Redis URL; "
        "with SQLite alone one is made and kept beside the file",
    )
    cache_ttl_s: int = Field(30, ge=1, le=86_400, description="how long an entry is fresh, ± 10 %")
    stale_s: int = Field(300, ge=0, le=604_800, description="how long it may be served stale after that")
    l1_bytes: int = Field(64 * 2**20, ge=2**20, description="memory for the first cache tier, per worker")
    origin_loads: int | None = Field(
        None, ge=1, le=1000, description="most concurrent loads from the database; default: the pool's size"
    )
    drain_s: int = Field(5, ge=0, le=3600, description="how long a stopping process goes on accepting")
    log_format: Literal["console", "json"] | None = Field(
        None, description="`console` or `json`; default: `console` on a terminal, else `json`"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="the lowest level written")

    @model_validator(mode="after")
    def _secret_key_where_shared(self) -> "Settings":
        shared = self.redis_url is not None or not isinstance(parse_address(self.database_url), SQLiteAddress)
        if shared and self.secret_key is None:
            raise ValueError("FARMLOKAL_SECRET_KEY must be set together with a MySQL or Redis URL")
        return self

    def masked(self) -> dict[str, Any]:
        """Every variable with its value, secrets masked: for `farmlokal config` and for the log."""
        return {variable(name): mask(name, value) for name, value in self.model_dump().items()}


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def mask(field: str, value: Any) -> Any:
    """`value` as it may be shown: without a secret, or without the password of a URL."""
    if value is None or not isinstance(value, str):
        return value
    return _MASK if field == "secret_key" else _PASSWORD.sub(_MASK, value)


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process. overrides: fields that a command sets by itself.

    Raises SettingsInvalid, which has a line for each fault: the variable, the value given, what is allowed.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsInvalid(list(_lines(error))) from None


def unknown_variables() -> list[str]:
    """Variables of the environment that look like ours and are none: misspelt, most likely."""
    known = {variable(name) for name in Settings.model_fields}
    return sorted(
        name for name in os.environ if name.startswith(PREFIX) and name not in known and not _TEST_VARIABLES.match(name)
    )


def _lines(error: ValidationError) -> Iterator[str]:
    for item in error.errors(include_url=False):
        message = item["msg"].removeprefix("Value error, ")
        if item["loc"]:
            field = str(item["loc"][0])
            yield f"{variable(field)}: {message[0].lower()}{message[1:]}, not {str(mask(field, item['input']))!r}"
        else:
            yield message
