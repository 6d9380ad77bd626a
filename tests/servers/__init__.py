"""Private MariaDB, Redis and nginx servers for the tests: own folder, own port, gone when the tests are."""

from tests.servers.access import DatabaseAccess, NamedDatabase, NamedRedis, RedisAccess
from tests.servers.mariadb_server import MariaDBServer
from tests.servers.nginx_server import NginxServer
from tests.servers.process import ServerFailed, ServerProcess
from tests.servers.redis_server import RedisServer

__all__ = [
    "DatabaseAccess",
    "MariaDBServer",
    "NamedDatabase",
    "NamedRedis",
    "NginxServer",
    "RedisAccess",
    "RedisServer",
    "ServerFailed",
    "ServerProcess",
]
