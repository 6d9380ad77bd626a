"""The settings: defaults, faults in one line each, and secrets that are shown to nobody."""

import os
from pathlib import Path

import pytest

from farmlokal.settings import Settings, SettingsInvalid, load_settings, variable

KEY = "a key of enough characters"
MYSQL = "mysql://farmer:wheat@db/farm"
SECRET = "hunter2"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment without our variables, and a working directory without a `.env` file."""
    for name in [name for name in os.environ if name.startswith("FARMLOKAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A shorter name for what sets variables."""
    return monkeypatch


def faults() -> list[str]:
    """The lines with which the settings are refused."""
    with pytest.raises(SettingsInvalid) as caught:
        load_settings()
    assert "\n".join(caught.value.lines) == str(caught.value)
    return caught.value.lines


def test_nothing_set_is_a_developers_machine() -> None:
    """The defaults are those of the contract."""
    assert {
        "database_url": "sqlite:///farmlokal.db",
        "database_pool": 10,
        "statement_limit_ms": 2000,
        "redis_url": None,
        "redis_wait_ms": 100,
        "secret_key": None,
        "cache_ttl_s": 30,
        "stale_s": 300,
        "l1_bytes": 64 * 2**20,
        "origin_loads": None,
        "rate_limit": "default=1200/minute,token=60/minute",
        "trusted_proxies": None,
        "drain_s": 5,
        "log_format": None,
        "log_level": "info",
    }.items() <= load_settings().model_dump().items()


@pytest.mark.parametrize(
    ("field", "given", "allowed"),
    [
        ("database_url", "postgres://db/farm", "must begin with mysql:// or sqlite:///"),
        ("database_url", "sqlite://farm.db", "must be sqlite:///path"),
        ("database_url", "mysql://db", "must name one database: mysql://user:pass@host:port/db"),
        ("database_url", "mysql://db/farm?charset=latin1", "must have no parameters but unix_socket and ssl_ca"),
        ("database_url", "mysql://db:99999/farm", "must have a port of 1 to 65535"),
        ("database_pool", "0", "greater than or equal to 1"),
        ("database_pool", "1001", "less than or equal to 1000"),
        ("database_pool", "many", "valid integer"),
        ("database_pool", "1.5", "valid integer"),
        ("statement_limit_ms", "9", "greater than or equal to 10"),
        (
            "redis_url",
            "http://cache",
            "must begin with redis://, rediss://, unix://, redis+cluster://, rediss+cluster://, redis+sentinel://",
        ),
        (
            "redis_url",
            "redis://cache/x",
            "must have nothing after the host but one database number: redis://user:pass@",
        ),
        ("redis_url", "redis://cache:6379/0/1", "must have nothing after the host but one database number"),
        ("redis_wait_ms", "0", "greater than or equal to 1"),
        ("ignored_parameters", "*_id", "must be comma-separated names of parameters, each with or without a * at its"),
        ("ignored_parameters", "ref,,gclid", "must be comma-separated names of parameters"),
        ("ignored_parameters", "utm source", "must be comma-separated names of parameters"),
        ("cache_ttl_s", "0", "greater than or equal to 1"),
        ("stale_s", "-1", "greater than or equal to 0"),
        ("l1_bytes", "1000", "must be 0, for none, or at least 1048576"),
        ("origin_loads", "0", "greater than or equal to 1"),
        ("rate_limit", "default=10/day", "must be off, or comma-separated CLASS=REQUESTS/UNIT"),
        ("rate_limit", "default=0/second", "REQUESTS 1 to 1000000000"),
        ("rate_limit", "all=10/second", "CLASS default or token"),
        ("trusted_proxies", "everybody", "must be comma-separated networks such as 10.0.0.0/8"),
        ("trusted_proxies", "10.0.0.1/8", "has host bits set"),
        ("drain_s", "5s", "valid integer"),
        ("log_format", "xml", "'console' or 'json'"),
        ("log_level", "loud", "'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_wrong_value_is_one_line(environment: pytest.MonkeyPatch, field: str, given: str, allowed: str) -> None:
    """The line names the variable, the value given, and what is allowed."""
    environment.setenv("FARMLOKAL_SECRET_KEY", KEY)
    environment.setenv(variable(field), given)
    (line,) = faults()
    assert line.startswith(f"FARMLOKAL_{field.upper()}: ")
    assert allowed in line
    assert line.endswith(f", not {given!r}")
    assert "\n" not in line


def test_every_fault_has_its_line(environment: pytest.MonkeyPatch) -> None:
    """An operator hears of everything that is wrong at the first try."""
    wrong = {"DATABASE_POOL": "0", "REDIS_URL": "cache:6379", "CACHE_TTL_S": "x", "SECRET_KEY": "short", "DRAIN_S": ""}
    for name, value in wrong.items():
        environment.setenv(f"FARMLOKAL_{name}", value)
    named = [line.partition(":")[0] for line in faults()]
    assert sorted(f"FARMLOKAL_{name}" for name in wrong if name != "DRAIN_S") == sorted(named)


@pytest.mark.parametrize(
    ("readers", "others", "allowed"),
    [
        ("db2", {}, "must begin with mysql:// or sqlite:///"),
        ("sqlite:///farm.db", {}, "must be comma-separated URLs of replicas: mysql://user:pass@host:port/db,mysql://"),
        ("mysql://db2/farm,db3", {}, "must be comma-separated URLs of replicas"),
        ("mysql://db2", {}, "must name one database"),
        ("mysql://db2/farm,mysql://reader:oats@db2/farm", {}, "must name each replica once"),
        ("mysql://db2/farm,mysql://reader:oats@db/farm", {}, "must not name the writer, which is in FARMLOKAL_"),
        ("mysql://db2/farm", {"REDIS_URL": ""}, "must be unset without FARMLOKAL_REDIS_URL"),
        ("mysql://db2/farm", {"DATABASE_URL": "sqlite:///x.db"}, "must be unset without a MySQL or MariaDB writer"),
    ],
)
def test_readers_are_those_of_a_writer(
    environment: pytest.MonkeyPatch, readers: str, others: dict[str, str], allowed: str
) -> None:
    """Each fault of the readers' addresses, by itself or beside the other settings, is one line."""
    for name, value in {"SECRET_KEY": KEY, "DATABASE_URL": MYSQL, "REDIS_URL": "redis://cache", **others}.items():
        environment.setenv(f"FARMLOKAL_{name}", value)
    environment.setenv("FARMLOKAL_DATABASE_READERS", readers)
    (line,) = faults()
    assert line.startswith(f"FARMLOKAL_DATABASE_READERS: {allowed}")
    assert "oats" not in line


@pytest.mark.parametrize(("name", "value"), [("DATABASE_URL", MYSQL), ("REDIS_URL", "redis://cache:6379/0")])
def test_a_secret_key_is_needed_where_processes_share(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    """With MySQL or Redis there may be several processes, and they must accept each other's cursors."""
    environment.setenv(f"FARMLOKAL_{name}", value)
    (line,) = faults()
    assert "FARMLOKAL_SECRET_KEY: must be set together with a MySQL or Redis URL" == line
    environment.setenv("FARMLOKAL_SECRET_KEY", KEY)
    assert KEY == load_settings().secret_key


@pytest.mark.parametrize("keys", ["short", f"{KEY},short", f"{KEY},", f",{KEY}"])
def test_each_secret_key_must_be_long_enough(environment: pytest.MonkeyPatch, keys: str) -> None:
    """A key that can be guessed is refused, and is not repeated in the refusal."""
    environment.setenv("FARMLOKAL_SECRET_KEY", keys)
    (line,) = faults()
    assert "FARMLOKAL_SECRET_KEY: must be comma-separated keys of at least 16 characters each, not '***'" == line


@pytest.mark.parametrize(
    ("name", "url", "shown"),
    [
        ("DATABASE_URL", f"mysql://farmer:{SECRET}@db:3306/farm", "mysql://farmer:***@db:3306/farm"),
        ("DATABASE_URL", f"mysql://farmer:{SECRET}:{SECRET}@db/farm", "mysql://farmer:***@db/farm"),
        ("DATABASE_URL", f"mysql://farmer:{SECRET}%40{SECRET}@db/farm", "mysql://farmer:***@db/farm"),
        ("DATABASE_URL", f"mysql://farmer:{SECRET}@{SECRET}@db/farm", "mysql://farmer:***@db/farm"),
        ("REDIS_URL", f"redis://:{SECRET}@cache:6379/0", "redis://:***@cache:6379/0"),
        ("REDIS_URL", f"rediss://farmer:{SECRET}@cache/0", "rediss://farmer:***@cache/0"),
        ("REDIS_URL", f"redis://cache/0?password={SECRET}&db=1", "redis://cache/0?password=***&db=1"),
        ("REDIS_URL", f"unix://farmer:{SECRET}@/run/redis.sock?db=1", "unix://farmer:***@/run/redis.sock?db=1"),
        ("REDIS_URL", "redis://cache:6379/0", "redis://cache:6379/0"),
        ("SECRET_KEY", f"{SECRET} {SECRET} {SECRET},{KEY}", "***"),
    ],
)
def test_a_secret_is_masked_wherever_it_stands(
    environment: pytest.MonkeyPatch, name: str, url: str, shown: str
) -> None:
    """What is printed of a URL is everything but the password, whatever characters that has."""
    environment.setenv("FARMLOKAL_SECRET_KEY", KEY)
    environment.setenv(f"FARMLOKAL_{name}", url)
    masked = load_settings().masked()
    assert shown == masked[f"FARMLOKAL_{name}"]
    assert SECRET not in str(masked)
    assert KEY not in str(masked)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", f"postgres://farmer:{SECRET}@db/farm"),
        ("DATABASE_URL", f"mysql://farmer:{SECRET}/{SECRET}@db/farm"),
        ("DATABASE_URL", f"mysql://farmer:{SECRET}/{SECRET}@db"),
        ("DATABASE_URL", f"mysql://farmer:{SECRET}#{SECRET}@db/farm"),
        ("DATABASE_URL", f"mysql://farmer:123/{SECRET}@db/farm"),
        ("DATABASE_URL", f"mysql://far/mer:{SECRET}@db/farm"),
        ("DATABASE_URL", f"postgresql+asyncpg://farmer:{SECRET}@db/farm"),
        ("DATABASE_URL", f"farmer:{SECRET}@db/farm"),
        ("REDIS_URL", f"http://:{SECRET}@cache"),
        ("REDIS_URL", f"cache:6379?password={SECRET}"),
        ("REDIS_URL", f"redis://:123/{SECRET}@cache/0"),
        ("REDIS_URL", f"redis://cache/0?password=123#{SECRET}"),
        ("REDIS_URL", f"redis://cache/0?password=123&{SECRET}"),
    ],
)
def test_a_refused_url_keeps_its_secret(environment: pytest.MonkeyPatch, name: str, url: str) -> None:
    """The line about a wrong URL shows the URL, and not its password."""
    environment.setenv("FARMLOKAL_SECRET_KEY", KEY)
    environment.setenv(f"FARMLOKAL_{name}", url)
    (line,) = faults()
    assert line.startswith(f"FARMLOKAL_{name}: must ")
    assert "***" in line
    assert SECRET not in line


def test_readers_keep_their_secrets(environment: pytest.MonkeyPatch) -> None:
    """What is printed of several URLs is everything but their passwords, in which commas stand for themselves."""
    for name, value in {"SECRET_KEY": KEY, "DATABASE_URL": MYSQL, "REDIS_URL": "redis://cache"}.items():
        environment.setenv(f"FARMLOKAL_{name}", value)
    environment.setenv("FARMLOKAL_DATABASE_READERS", f"mysql://a:{SECRET},1@db2/farm,mysql://b:{SECRET}%2C2@db3/farm")
    settings = load_settings()
    assert "mysql://a:***@db2/farm,mysql://b:***@db3/farm" == settings.masked()["FARMLOKAL_DATABASE_READERS"]
    assert {f"{SECRET},1", f"{SECRET},2"} <= set(settings.secret_values())


def test_every_variable_is_shown_with_its_value() -> None:
    """What `farmlokal config` prints is complete: one line per field."""
    masked = load_settings().masked()
    assert [variable(name) for name in Settings.model_fields] == list(masked)
    assert "sqlite:///farmlokal.db" == masked["FARMLOKAL_DATABASE_URL"]


def test_a_dotenv_file_is_read_and_the_environment_wins(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In development settings may stand in `.env`; a variable that is set has the last word."""
    lines = ["FARMLOKAL_CACHE_TTL_S=7", "FARMLOKAL_STALE_S=8", "# a comment", 'FARMLOKAL_LOG_LEVEL="debug"', "OTHER=1"]
    (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")
    environment.setenv("FARMLOKAL_STALE_S", "9")
    settings = load_settings()
    assert (7, 9, "debug") == (settings.cache_ttl_s, settings.stale_s, settings.log_level)


def test_an_empty_variable_is_one_that_is_not_set(environment: pytest.MonkeyPatch) -> None:
    """Hosting platforms and compose files set variables to nothing."""
    for name in Settings.model_fields:
        environment.setenv(variable(name), "")
    assert Settings(_env_file=None) == load_settings()


def test_a_command_may_set_a_field_by_itself(environment: pytest.MonkeyPatch) -> None:
    """What a command passes has the last word, and is checked like everything else."""
    environment.setenv("FARMLOKAL_CACHE_TTL_S", "7")
    assert 8 == load_settings(cache_ttl_s=8).cache_ttl_s
    with pytest.raises(SettingsInvalid, match=r"FARMLOKAL_CACHE_TTL_S: .*, not '0'"):
        load_settings(cache_ttl_s=0)
