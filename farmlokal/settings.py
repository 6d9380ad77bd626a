"""The settings: environment variables, and a `.env` file in development. Plain values, each checked."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from farmlokal.database.address import MySQLAddress, SQLiteAddress, parse_address, parse_readers, split_readers
from farmlokal.formats.ignored_parameters import IGNORED_DEFAULT, parse_ignored
from farmlokal.formats.networks import parse_networks
from farmlokal.formats.origins import parse_origins
from farmlokal.formats.redis_urls import check_redis_url
from farmlokal.formats.server_urls import MASK, masked_url, passwords_in
from farmlokal.formats.webhook_secrets import SECRET_PREFIX, parse_secrets
from farmlokal.limiting.quotas import DEFAULT_QUOTAS, parse_quotas

PREFIX = "FARMLOKAL_"
# Fields that are secrets as a whole.
_SECRETS = frozenset({"secret_key", "api_keys", "oauth_client_secret", "webhook_secrets", "portal_key"})
_KEY_CHARS_MIN = 16
# With less a tier holds too few pages to be of use.
_L1_BYTES_MIN = 2**20
_PUBLIC_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
# Characters that a header can carry, and enough of them that nobody can guess.
_API_KEY = re.compile(rf"[\x21-\x2b\x2d-\x7e]{{{_KEY_CHARS_MIN},}}")
# Without a user or a fragment. Only a token endpoint may have a query of its own (RFC 6749 section 3.2).
_TOKEN_URL = re.compile(r"https?://[^\s/?#@\\]+(/[^\s#]*)?")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")
_SOURCE_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,31}$"


class SettingsInvalid(Exception):
    """One or more settings are wrong; `lines` has one line per fault."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def _read_by(parse: Callable[[str], object]) -> AfterValidator:
    """Returns a check that `parse` reads a text; the setting stays the text. parse: raises ValueError."""

    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


def _secret_keys(text: str) -> str:
    if any(len(key) < _KEY_CHARS_MIN for key in text.split(",")):
        raise ValueError(f"must be comma-separated keys of at least {_KEY_CHARS_MIN} characters each")
    return text


def _has_good_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _api_keys(text: str) -> str:
    if not all(map(_API_KEY.fullmatch, text.split(","))):
        raise ValueError(f"must be comma-separated keys of at least {_KEY_CHARS_MIN} visible ASCII characters each")
    return text


def _token_url(url: str) -> str:
    if not _TOKEN_URL.fullmatch(url) or not _has_good_port(url):
        raise ValueError("must be http:// or https:// with a host, without a user and without a fragment")
    return url


def _scope(scope: str) -> str:
    if not _SCOPE.fullmatch(scope):
        raise ValueError("must be scopes with a single space between them")
    return scope


def _l1_bytes(size_bytes: int) -> int:
    if 0 < size_bytes < _L1_BYTES_MIN:
        raise ValueError(f"must be 0, for none, or at least {_L1_BYTES_MIN}")
    return size_bytes


def _public_url(url: str) -> str:
    if not _PUBLIC_URL.fullmatch(url) or not _has_good_port(url):
        raise ValueError("must be http:// or https:// with a host, and nothing after the path")
    return url


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

    database_url: Annotated[str, _read_by(parse_address)] = Field(
        "sqlite:///farmlokal.db",
        description="`mysql://user:pass@host:port/db` (also `unix_socket`, `ssl_ca` parameters) or `sqlite:///path`",
    )
    database_pool: int = Field(10, ge=1, le=1000, description="connections per worker")
    statement_limit_ms: int = Field(2000, ge=10, le=600_000, description="the longest a listing query may run")
    redis_url: Annotated[str, _read_by(check_redis_url)] | None = Field(
        None,
        description="`redis://`, `rediss://`, `unix://`, `redis+cluster://h1,h2,h3` or `redis+sentinel://h1,h2,h3/NAME`"
        " (`rediss+…` over TLS); without it the cache is the process's memory alone",
    )
    redis_wait_ms: int = Field(100, ge=1, le=10_000, description="the longest a request waits for Redis")
    database_readers: Annotated[str, _read_by(parse_readers)] | None = Field(
        None,
        description="comma-separated `mysql://` URLs of replicas that listings may be loaded from; a page is stored as"
        " fresh only if its load saw the last commit that was invalidated; needs a Redis URL",
    )
    secret_key: Annotated[str, AfterValidator(_secret_keys)] | None = Field(
        None,
        validate_default=True,
        description="signs cursors; comma-separated, newest first, any verifies; required with a MySQL or Redis URL; "
        "with SQLite alone one is made and kept beside the file",
    )
    api_keys: Annotated[str, AfterValidator(_api_keys)] | None = Field(
        None, description="comma-separated keys for `/auth/token` and `/external/sync`; none: 403 with the reason"
    )
    cache_ttl_s: int = Field(30, ge=1, le=86_400, description="how long an entry is fresh, ± 10 %")
    stale_s: int = Field(300, ge=0, le=604_800, description="how long it may be served stale after that")
    l1_bytes: Annotated[int, AfterValidator(_l1_bytes)] = Field(
        64 * 2**20,
        ge=0,
        description="memory for the first cache tier, with remembered questions, per worker; 0 for none",
    )
    origin_loads: int | None = Field(
        None, ge=1, le=1000, description="most concurrent loads from the database; default: the pool's size"
    )
    aliases: str | None = Field(
        None, description="a CSV file with further words for what is sold: `alias,language,script,canonical`"
    )
    oauth_token_url: Annotated[str, AfterValidator(_token_url)] | None = Field(
        None, description="the partner's OAuth 2 token endpoint"
    )
    oauth_client_id: str | None = Field(None, description="our client id there")
    oauth_client_secret: str | None = Field(None, description="its secret; also encrypts the token in Redis")
    oauth_client_auth: Literal["basic", "basic-raw", "post"] = Field(
        "basic",
        description="how our client says who it is: `basic` (both form-encoded, in the header), `basic-raw` (there, not"
        " encoded) or `post` (in the form)",
    )
    oauth_token_lifetime_s: int = Field(
        300, ge=1, le=86_400, description="how long a token lives whose answer does not say it"
    )
    oauth_scope: Annotated[str, AfterValidator(_scope)] | None = Field(
        None, description="the scopes to ask for, with spaces between them"
    )
    oauth_audience: str | None = Field(None, description="the audience to ask for")
    partner_url: Annotated[str, AfterValidator(_public_url)] | None = Field(
        None, description="base URL of the partner's API"
    )
    partner_source: str = Field("partner", pattern=_SOURCE_PATTERN, description="the `source` of the partner's rows")
    portal_url: Annotated[str, AfterValidator(_public_url)] = Field(
        "https://api.data.gov.in",
        description="base URL of the open data portal's API; addresses below it are asked page by page, with the key",
    )
    portal_key: str | None = Field(None, description="our key there, for `farmlokal import https://…`")
    webhook_secrets: Annotated[str, _read_by(parse_secrets)] | None = Field(
        None,
        description="comma-separated `whsec_…` secrets and `whpk_…` public keys, newest first, any verifies;"
        " without any: a 503 problem",
    )
    webhook_keep_days: int = Field(
        14, ge=1, le=3650, description="how long events are remembered; longer than the sender retries"
    )
    changes_keep_days: int = Field(
        7, ge=1, le=365, description="how long the log of changes is kept; a mirror further behind starts over"
    )
    public_url: Annotated[str, AfterValidator(_public_url)] | None = Field(
        None, description="our own base URL; with it the webhook's callback is registered with the partner at the start"
    )
    rate_limit: Annotated[str, _read_by(parse_quotas)] = Field(
        DEFAULT_QUOTAS, description="requests per configured API key, else per client address; `off` for none"
    )
    trusted_proxies: Annotated[str, _read_by(parse_networks)] | None = Field(
        None, description="comma-separated networks whose `X-Forwarded-For` is believed"
    )
    cors_origins: Annotated[str, _read_by(parse_origins)] | None = Field(
        None, description="comma-separated origins whose scripts may read our answers, or `*`"
    )
    ignored_parameters: Annotated[str, _read_by(parse_ignored)] = Field(
        IGNORED_DEFAULT,
        description="comma-separated names of parameters that count for nothing; a `*` at the end stands for any rest; "
        "`off` for none",
    )
    hot_path: Literal["on", "off"] = Field("on", description="answer pages of the listing below the request handlers")
    drain_s: int = Field(5, ge=0, le=3600, description="how long a stopping process goes on accepting")
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="serve `/metrics` on this port alone; default: on the service's own"
    )
    log_format: Literal["console", "json"] | None = Field(
        None, description="`console` or `json`; default: `console` on a terminal, else `json`"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="the lowest level written")
    access_log: Literal["on", "off"] = Field("off", description="`on` writes a log line for each answer")

    @field_validator("oauth_client_auth")
    @classmethod
    def _raw_without_colon(cls, auth: str, info: ValidationInfo) -> str:
        if auth == "basic-raw" and ":" in (info.data.get("oauth_client_id") or ""):
            raise ValueError("must be basic or post where the client id has a colon")
        return auth

    @field_validator("database_readers")
    @classmethod
    def _readers_of_a_writer(cls, readers: str | None, info: ValidationInfo) -> str | None:
        # A URL that is wrong itself is not in the data, and has its own fault.
        writer = parse_address(info.data["database_url"]) if "database_url" in info.data else None
        if readers is None or writer is None:
            return readers
        if not isinstance(writer, MySQLAddress):
            fault = f"must be unset without a MySQL or MariaDB writer in {variable('database_url')}"
            raise ValueError(fault)  # noqa: TRY004 - of a setting
        if info.data.get("redis_url", "") is None:
            raise ValueError(f"must be unset without {variable('redis_url')}, by which processes tell each other")
        if writer.place in [reader.place for reader in parse_readers(readers)]:
            raise ValueError(f"must not name the writer, which is in {variable('database_url')}")
        return readers

    @field_validator("secret_key")
    @classmethod
    def _secret_key_where_shared(cls, secret_key: str | None, info: ValidationInfo) -> str | None:
        # A URL that is wrong itself is not in the data, and has its own fault.
        database_url = info.data.get("database_url", "sqlite:///x")
        shared = info.data.get("redis_url") or not isinstance(parse_address(database_url), SQLiteAddress)
        if shared and secret_key is None:
            raise ValueError("must be set together with a MySQL or Redis URL")
        return secret_key

    def secret_values(self) -> list[str]:
        """Returns every secret in the settings, in each spelling that it has there: no log line may contain one."""
        values = [str(getattr(self, name) or "") for name in _SECRETS]
        values += [part for value in values for part in value.split(",")]
        values += [part.removeprefix(SECRET_PREFIX) for part in values]
        for url in (self.database_url, self.redis_url or "", *split_readers(self.database_readers or "")):
            values += [spelling for password in passwords_in(url) for spelling in (password, unquote(password))]
        return [value for value in values if value]

    def masked(self) -> dict[str, Any]:
        """Returns every variable with its value, secrets masked: for `farmlokal config` and for the log."""
        return {variable(name): mask(name, value) for name, value in self.model_dump().items()}


def variable(field: str) -> str:
    """Returns the environment variable of a field."""
    return PREFIX + field.upper()


def mask(field: str, value: Any) -> Any:
    """Returns `value` as it may be shown: without a secret, or without the password of a URL."""
    if value is None or not isinstance(value, str):
        return value
    if field == "database_readers":
        return ",".join(map(masked_url, split_readers(value)))
    return MASK if field in _SECRETS else masked_url(value)


def load_settings(**overrides: Any) -> Settings:
    """Returns the settings of this process. overrides: fields that a command sets by itself.

    Raises SettingsInvalid, which has a line for each fault: the variable, the value given, what is allowed.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsInvalid([_line(item) for item in error.errors(include_url=False)]) from None
    except UnicodeDecodeError:
        raise SettingsInvalid([".env: must be text in UTF-8"]) from None


def _line(item: Any) -> str:
    field = str(item["loc"][0])
    message = item["msg"].removeprefix("Value error, ")
    given = "" if item["input"] is None else f", not {str(mask(field, item['input']))!r}"
    return f"{variable(field)}: {message[0].lower()}{message[1:]}{given}"
