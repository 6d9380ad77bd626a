"""The key that signs cursors when no setting gives one."""

import os
import secrets
from pathlib import Path

from farmlokal.telemetry.masking import mask_values


def signing_keys(setting: str | None, database_path: str | None) -> list[bytes]:
    """Returns the keys to sign and verify with, newest first.

    setting: comma-separated keys. Without it one is made and kept, readable by the owner alone, beside the SQLite
    file at `database_path`, so that cursors survive a restart.
    """
    if setting is not None:
        return [key.encode() for key in setting.split(",")]
    path = Path(f"{database_path}.key")
    try:
        # O_EXCL: of two processes that start together one makes the key and the other reads it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return [_kept(path)]
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_hex(32).encode())
    return [_kept(path)]


def _kept(path: Path) -> bytes:
    key = path.read_bytes()
    mask_values([key.decode("ascii", "replace")])
    return key
