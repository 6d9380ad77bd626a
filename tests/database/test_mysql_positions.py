"""The positions of writers: their ranks, and what is none."""

import aiomysql
import pytest

from farmlokal.database.address import MySQLAddress, parse_address
from farmlokal.database.mysql_connection import Connection
from farmlokal.database.mysql_opening import ConnectionOpener
from farmlokal.database.mysql_position import _of_mariadb, _of_mysql, position_by_name

UUID, OTHER = "5f2b1c0e-3d4a-4b6c-8d7e-9f0a1b2c3d4e", "6f2b1c0e-3d4a-4b6c-8d7e-9f0a1b2c3d4e"


@pytest.mark.parametrize(
    ("executed", "rank"),
    [
        (f"{UUID}:1", 1),
        (f"{UUID}:1-7", 7),
        (f"{UUID}:1-7:9:1000001-1000003", 11),
        (f"{UUID}:1-7,\n{OTHER}:1-3", 10),
        (f"{UUID}:1-7:upgrade:1-2,{OTHER}:upgrade:5", 10),
    ],
)
def test_a_mysql_has_come_as_far_as_it_has_transactions(executed: str, rank: int) -> None:
    """All of its set is needed, in one line, and of two sets of one server the larger has the other."""
    position = _of_mysql("server", executed)
    assert position is not None
    assert ("server", rank, f"mysql {executed}".replace("\n", "")) == position


@pytest.mark.parametrize(
    ("logged", "of_group", "expected"),
    [
        ("0-1-17", "0-0-0", ("7", 17, "mariadb 0-1-17")),
        ("0-1-17,5-2-3", "0-0-0", ("7", 20, "mariadb 0-1-17,5-2-3")),
        ("", "0-1-5", ("galera 0-1", 5, "galera 0-1-5")),
        ("0-1-17", "0-1-5", ("galera 0-1", 5, "galera 0-1-5")),
    ],
)
def test_a_mariadb_has_a_number_for_each_domain(logged: str, of_group: str, expected: tuple[str, int, str]) -> None:
    """A node of a cluster has the cluster's."""
    assert expected == _of_mariadb("7", logged, of_group)


def test_without_a_log_there_is_no_position() -> None:
    """Nothing is known of how far such a server has come."""
    assert (None, None) == (_of_mysql("server", ""), _of_mariadb("7", "", "0-0-0"))


async def test_a_writer_that_is_lost_when_it_is_asked_has_no_position(
    mysql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks hears that it is not known, and no error of a connection that is closed already."""

    async def lost(*_: object) -> None:
        raise aiomysql.OperationalError(2013, "Lost connection to MySQL server during query")

    address = parse_address(mysql_url)
    assert isinstance(address, MySQLAddress)
    opener = ConnectionOpener(address)
    monkeypatch.setattr(Connection, "fetch_texts", lost)
    assert await position_by_name(opener) is None
