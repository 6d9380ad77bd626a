"""Answers of one turn of the event loop, written together at its end."""

import asyncio

# A whole answer; or its head, and the body that every answer of this page has.
Answer = bytes | tuple[bytes, bytes]


class Outbox:
    """Collects answers until the event loop's next turn.

    With a system call after each answer the kernel and the interpreter keep throwing each other out of the processor's
    caches, and a client that holds several connections is woken for each. Written one right after the other, answers
    from memory cost a sixth less (docs/profiles.md).
    """

    __slots__ = ("_answers", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._answers: list[tuple[asyncio.WriteTransport, Answer]] = []

    def __repr__(self) -> str:
        return f"<Outbox answers={len(self._answers)}>"

    def put(self, transport: asyncio.WriteTransport, answer: Answer) -> None:
        """Have `answer` written to `transport` soon, after those that came before."""
        if not self._answers:
            self._loop.call_soon(self.flush)
        self._answers.append((transport, answer))

    def flush(self) -> None:
        """Write what is there. To be called before a transport is closed, and before anything else may write to it."""
        answers, self._answers = self._answers, []
        for transport, answer in answers:
            # A closed one would raise, and those behind it would not get theirs.
            if not transport.is_closing():
                if isinstance(answer, bytes):
                    transport.write(answer)
                else:
                    transport.writelines(answer)
