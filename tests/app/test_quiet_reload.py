"""What several processes log when they are reloaded and stopped: what an operator expects to read, and nothing else."""

import asyncio
import re
import signal
from collections import Counter
from pathlib import Path

from aiohttp import ClientSession

from tests.servers.process import free_port
from tests.support.command import make_catalogue, operators
from tests.support.logged_process import LoggedProcess, logged_process
from tests.support.waiting import until

WORKERS = 2
_WAIT_MAX_S = 60
# Once for each start of the whole, once for each worker, once for each worker that goes; then what a signal says.
_STARTS = ["Starting gunicorn N", "Listening at: http://N:N (N)", "Using worker: DrainingWorker", "serving"]
_COMES = ["Booting worker with pid: N", "metrics"]
_GOES = ["draining", "Worker exiting (pid: N)"]
_RELOADS = ["Handling signal: hup", "Hang up: Master"]
_STOPS = ["Handling signal: term", "Shutting down: Master"]
# A worker finds pages to begin with where an earlier one left some in Redis.
_MAY_BE = {"cache warmed"}


def events(process: LoggedProcess) -> Counter[str]:
    """How often each event stands in the log, whatever numbers it has."""
    return Counter(re.sub(r"\d[\d.]*", "N", line["event"]) for line in process.lines if line["event"] not in _MAY_BE)


async def test_a_reload_and_a_stop_log_nothing_unexpected(tmp_path: Path, mysql_url: str, redis_url: str) -> None:
    """Sockets are closed once: no line beyond those of workers that come and go, with a client connected or without."""
    more = {"FARMLOKAL_DRAIN_S": "1", "FARMLOKAL_METRICS_PORT": str(free_port())}
    environment = operators(tmp_path, mysql_url, redis_url) | more
    await asyncio.to_thread(make_catalogue, environment)
    async with logged_process(environment, tmp_path, "--workers", str(WORKERS)) as process:
        await until(lambda: events(process)["metrics"] == WORKERS, _WAIT_MAX_S)
        async with ClientSession(process.url) as client, client.get("/products") as answer:
            await answer.read()
            process.process.send_signal(signal.SIGHUP)
            await until(lambda: events(process)[_GOES[-1]] == WORKERS, _WAIT_MAX_S)
            await until(lambda: events(process)["metrics"] == 2 * WORKERS, _WAIT_MAX_S)
    assert Counter(_STARTS + _RELOADS + _STOPS + 2 * WORKERS * (_COMES + _GOES)) == events(process)
    assert {"info"} == {line["level"] for line in process.lines}
