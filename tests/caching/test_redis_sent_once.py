"""A command to Redis whose answer is lost is not sent again: the server may have done it."""

import asyncio

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from farmlokal.app.dependencies import redis_client


async def test_a_lost_answer_is_an_error_at_once() -> None:
    """A connection that is cut where an answer was due: one INCR reached the server, and the caller knows at once."""
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Agree to whatever the client says of itself; hang up on a command."""
        while asked := await reader.read(65536):
            if b"INCR" in asked:
                received.append(asked)
                break
            writer.write(b"+OK\r\n" * asked.count(b"CLIENT"))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = redis_client(f"redis://127.0.0.1:{port}?protocol=2", 5)
    try:
        with pytest.raises(RedisConnectionError):
            await client.incr("orders")
    finally:
        await client.aclose()
        server.close()
    assert 1 == len(received)
