#!/usr/bin/env bash
# uvloop accepts one new connection in a turn of its event loop; asyncio's own loop accepts a hundred.
#
# Expected:  a server that is told of waiting connections accepts them until there are no more, or up to the backlog, as
#            asyncio does, and as uvloop did with earlier versions of libuv.
# Observed:  with 300 clients at the door, asyncio's loop takes a few turns to let them in, uvloop's takes 300. An idle
#            server does not notice. In a busy one each turn answers everybody who is in already: of 500 clients that
#            arrive at once the last waits for tens of thousands of answers to the others, and its first request has a
#            latency that no figure of the server itself shows.
# Versions:  uvloop 0.23.0 (PyPI, with libuv 1.52.1), CPython 3.11.7
# For us:    the service listens by several copies of each socket, of which every one lets in a connection a turn
#            (farmlokal/app/listening.py; docs/performance.md, "Many clients at once";
#            test_many_clients_at_once_are_accepted_in_few_turns)
# Source:    libuv/libuv pull request 3696 ("unix: don't accept() connections in a loop")
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'uvloop==0.23.0'

"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import socket

import uvloop

CLIENTS = 300


class Accepted(asyncio.Protocol):
    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Accepted.count += 1


async def turns_taken() -> int:
    """How many turns of the event loop it takes to accept all clients, which wait before the first of them."""
    Accepted.count = turns = 0
    server = await asyncio.get_running_loop().create_server(Accepted, "127.0.0.1", 0, backlog=1024)
    address = server.sockets[0].getsockname()
    clients = [socket.create_connection(address) for _ in range(CLIENTS)]
    while Accepted.count < CLIENTS:
        turns += 1
        await asyncio.sleep(0)
    server.close()
    for client in clients:
        client.close()
    return turns


of_asyncio, of_uvloop = asyncio.run(turns_taken()), uvloop.run(turns_taken())
assert of_asyncio < CLIENTS / 10, of_asyncio
assert of_uvloop >= CLIENTS, of_uvloop
print(f"as observed: {CLIENTS} waiting clients are accepted in {of_asyncio} turns by asyncio, in {of_uvloop} by uvloop")
PYTHON
