"""The checks in deploy/haproxy/database.cfg: they speak MySQL's protocol. What they tell apart: tests/engines."""

import re
import struct
from collections.abc import Iterator

import pytest

from tests.servers.writer_proxy import CHECK_USER, CONFIGURATION, section

SECTIONS = re.findall(r"^listen (\S+)", CONFIGURATION.read_text("utf-8"), re.MULTILINE)
_SENT = re.compile(r"^ +tcp-check send(?:-binary (?P<bytes>[0-9a-f]+)| (?P<text>.+))$", re.MULTILINE)


def packets(name: str) -> Iterator[tuple[int, bytes]]:
    """Number and payload of each packet that a check sends. Raises struct.error where a length is not what follows."""
    found = _SENT.finditer(section(name))
    sent = b"".join(
        bytes.fromhex(one["bytes"]) if one["bytes"] else one["text"].strip('"').encode("ascii") for one in found
    )
    while sent:
        (head,) = struct.unpack_from("<I", sent)
        length, number = head & 0xFFFFFF, head >> 24
        yield number, struct.unpack_from(f"{length}s", sent, 4)[0]
        sent = sent[4 + length :]


@pytest.mark.parametrize("name", SECTIONS)
def test_a_check_signs_in_asks_and_leaves(name: str) -> None:
    """Each packet is as long as it says: the handshake of a user without a password, one question, and a goodbye."""
    handshake, question, goodbye = packets(name)
    plugin = "caching_sha2_password" if name.startswith("mysql") else "mysql_native_password"
    assert (1, f"{CHECK_USER}\0\0{plugin}\0".encode()) == (handshake[0], handshake[1][32:])
    assert (0, b"\x03SELECT IF(") == (question[0], question[1][:11])
    assert (0, b"\x01") == goodbye


def test_every_engine_listens_at_a_port_of_its_own() -> None:
    """Two sections in one file do not take each other's port."""
    ports = re.findall(r"^ +bind \S+:(\d+)$", CONFIGURATION.read_text("utf-8"), re.MULTILINE)
    assert len(SECTIONS) == len(set(ports)) == 4
