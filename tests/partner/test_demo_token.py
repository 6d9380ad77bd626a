"""`farmlokal demo` with nothing set: the partner's token can be had as its welcome text says."""

import json
import signal
from pathlib import Path
from urllib.request import Request, urlopen

from tests.servers.process import free_port
from tests.support.command import DONE_WAIT_MAX_S, developers, running, wait_until_ready
from tests.support.secret_watch import watch_output


def test_the_demo_has_a_partner_and_a_key(tmp_path: Path) -> None:
    """The printed key opens `/auth/token`, whose token comes from the simulator beside it."""
    port = free_port()
    with running(developers(tmp_path), tmp_path, "demo", "--products", "50", "--port", str(port)) as process:
        wait_until_ready(process, port)
        request = Request(f"http://127.0.0.1:{port}/auth/token", headers={"X-API-Key": "demo-key-for-everyone"})
        with urlopen(request, timeout=10) as response:  # noqa: S310
            assert "products:read" == json.load(response)["scope"]
        # The welcome text comes after the port answers.
        assert process.stdout is not None
        asks = f"curl -H 'X-API-Key: demo-key-for-everyone' 'http://127.0.0.1:{port}/auth/token'"
        welcome = ""
        while asks not in welcome:
            line = process.stdout.readline()
            assert line, welcome
            welcome += line
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DONE_WAIT_MAX_S)
    watch_output(welcome)
