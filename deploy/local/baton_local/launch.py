"""Becomes one program of a stack, having seen to it that the program dies with its supervisor.

Run as a script (`python -I -S launch.py SPEC.json`), by a Python that has nothing but the standard
library, in the few milliseconds between supervisord's fork and the program. The specification is a
file rather than a command line because it carries secrets, and because supervisord's own format
has no quoting that holds for every value.
"""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1


def main() -> None:
    spec = json.loads(Path(sys.argv[1]).read_text())
    os.chdir(spec["cwd"])
    if spec["user"] is not None:
        _become(spec["user"])
    # After the change of user, which would clear it.
    _die_with_parent()
    os.execve(spec["argv"][0], spec["argv"], spec["env"])  # noqa: S606  # no shell is the point


def _become(user: str) -> None:
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def _die_with_parent() -> None:
    """Kill, not terminate: whoever lost its supervisor has nobody left to kill it if it hangs."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
