"""Caches that people have before a service, each with the sample that deploy/caches has for it."""

import os
import re
import socket
from pathlib import Path
from typing import ClassVar

from tests.servers.nginx_server import NginxServer
from tests.servers.process import ServerFailed, ServerProcess, free_port
from tests.servers.programs import find_program

SAMPLES = Path(__file__).parents[2] / "deploy" / "caches"


def sample(name: str, *, port: int, service_port: int) -> str:
    """The sample `name`, listening on `port` of 127.0.0.1 before a service on `service_port`."""
    text = (SAMPLES / name).read_text("utf-8")
    return re.sub(r"\b8081\b", str(port), re.sub(r"\b8080\b", str(service_port), text))


class CacheProxy(ServerProcess):
    """A cache before the service at `service_port`. name: of the program. sample_name: its file in deploy/caches."""

    name: ClassVar[str]
    sample_name: ClassVar[str]

    def __init__(self, service_port: int) -> None:
        program = find_program(self.name)
        if program is None:
            raise ServerFailed(f"no {self.name}: `make proof` finds or unpacks one")
        super().__init__(program)
        self.service_port = service_port

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def system(self) -> Path:
        """The folder `usr` of the program, where what came with it lies."""
        return Path(self.program.path).parents[1]

    def configuration(self) -> str:
        """The sample for our ports."""
        return sample(self.sample_name, port=self.port, service_port=self.service_port)

    def write(self, text: str) -> str:
        """Write the configuration; return its path."""
        path = self.folder / self.sample_name
        path.write_text(text, "utf-8")
        return str(path)

    def answers(self) -> bool:
        """Return whether it accepts connections: not all of these know Unix sockets."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class HAProxyServer(CacheProxy):
    """HAProxy."""

    name, sample_name = "haproxy", "haproxy.cfg"

    def command(self) -> list[str]:
        """Write the configuration; return the options that name it."""
        own = "defaults\n    timeout connect 2s\n    timeout client 30s\n    timeout server 30s\n\n"
        return ["-db", "-f", self.write(own + self.configuration())]


class VarnishServer(CacheProxy):
    """Varnish, started as the sample says."""

    name, sample_name = "varnishd", "varnish.vcl"

    def command(self) -> list[str]:
        """Write the rules; return the options that name them, and those that they ask for."""
        rules = self.configuration()
        asked_for = [word for option in re.findall(r"`-p (\S+)`", rules) for word in ("-p", option)]
        listen = ("-a", f"127.0.0.1:{self.port}", "-f", self.write(rules), "-n", str(self.folder / "work"))
        return ["-F", "-j", "none", "-T", "none", "-s", "malloc,32m", *listen, *asked_for]


class SquidServer(CacheProxy):
    """Squid, without a disk."""

    name, sample_name = "squid", "squid.conf"

    def command(self) -> list[str]:
        """Write the configuration; return the options that name it."""
        shared = self.system / "share" / "squid"
        own = f"""\
pid_filename {self.folder}/squid.pid
cache_log stdio:{self.folder}/cache.log
access_log none
coredump_dir {self.folder}
shutdown_lifetime 1 seconds
pinger_enable off
unlinkd_program {self.system}/lib/squid/unlinkd
visible_hostname squid.example
mime_table {shared}/mime.conf
icon_directory {shared}/icons
error_directory {self.folder}
"""
        if os.geteuid() == 0:
            # It refuses to go on as root.
            self.folder.chmod(0o777)
            own += "cache_effective_user nobody\n"
        return ["-N", "-f", self.write(own + self.configuration())]


class ApacheServer(CacheProxy):
    """Apache, with the modules that the sample names."""

    name, sample_name = "apache2", "apache.conf"

    def command(self) -> list[str]:
        """Write the configuration; return the options that name it."""
        modules = self.system / "lib" / "apache2" / "modules"
        names = ("mpm_event", "authz_core", "proxy", "proxy_http", "cache", "cache_disk")
        copies = self.folder / "copies"
        copies.mkdir(exist_ok=True)
        own = [f"LoadModule {name}_module {modules}/mod_{name}.so" for name in names]
        own += [f'ServerRoot "{self.folder}"', f'DefaultRuntimeDir "{self.folder}"', "PidFile apache.pid"]
        own += [f"Listen 127.0.0.1:{self.port}", "ErrorLog /dev/stderr", "ServerName apache.example"]
        if os.geteuid() == 0:
            self.folder.chmod(0o777)
            copies.chmod(0o777)
            own += ["User nobody", "Group nogroup"]
        site = self.configuration().replace("/var/cache/apache2/mod_cache_disk", str(copies))
        return ["-D", "FOREGROUND", "-f", self.write("\n".join([*own, site]))]


class NginxCache(NginxServer):
    """nginx with the sample, on a port of its own beside the tests' usual server."""

    name: ClassVar[str] = "nginx"

    def __init__(self, service_port: int) -> None:
        super().__init__("return 404;")
        self.service_port = service_port
        self._cache_port = free_port()

    @property
    def base_url(self) -> str:
        """Where the cache listens."""
        return f"http://127.0.0.1:{self._cache_port}"

    def configuration(self) -> str:
        """The sample for our ports, with its copies in our folder."""
        site = sample("nginx.conf", port=self._cache_port, service_port=self.service_port)
        return site.replace("/var/cache/nginx/farmlokal", "copies")

    def command(self) -> list[str]:
        """Write the configuration; return the options that name it."""
        self.http = self.configuration()
        return super().command()


CACHE_PROXIES: dict[str, type[CacheProxy | NginxCache]] = {
    "nginx": NginxCache,
    "HAProxy": HAProxyServer,
    "Varnish": VarnishServer,
    "Squid": SquidServer,
    "Apache": ApacheServer,
}
