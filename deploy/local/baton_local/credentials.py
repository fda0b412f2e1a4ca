"""Secrets of a stack: made up once, then kept."""

import secrets
import shlex
from collections.abc import Iterable
from pathlib import Path

from baton_local.state import write_private

BYTES = 24
"""As 48 hexadecimal digits: also base64, as the senders of Standard Webhooks need it."""


def keep_secrets(path: Path, names: Iterable[str]) -> dict[str, str]:
    """The secrets in the file at `path`, after adding a random one for each name that is missing.

    Existing secrets never change, because the ids of leads depend on BATON_ID_KEY. The file can be
    sourced by a shell and is readable by its owner alone.
    """
    known = read_secrets(path)
    missing = [name for name in names if name not in known]
    if missing:
        known |= {name: secrets.token_hex(BYTES) for name in missing}
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in known.items()]
        write_private(path, "".join(lines))
    return known


def read_secrets(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    words = shlex.split(path.read_text(), comments=True)
    return dict(word.split("=", 1) for word in words)
