"""Runs supervisord; with `--with-parent`, for as long as its parent holds the other end of stdin.

A pipe is used instead of a parent-death signal. That signal is sent when the *thread* that started
the process ends, and tests may start a stack from a worker thread.
"""

import argparse
import os
import signal
import threading

from supervisor import supervisord


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("configuration")
    parser.add_argument("--with-parent", action="store_true")
    arguments = parser.parse_args()
    if arguments.with_parent:
        threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    supervisord.main(["--nodaemon", "--configuration", arguments.configuration])


def _stop_at_end_of_input() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
