"""Superset's command line, which ends with whoever started it: where standard input ends, so does its process group.

usage: superset_until.py COMMAND...      (as of `superset`)
"""

import os
import signal
import threading


def end_with_the_caller() -> None:
    # The caller writes nothing: nothing is read before the end of its pipe, whatever ended the caller. Not by sys.stdin, whose lock
    # a command that ends could not take.
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=end_with_the_caller, daemon=True).start()

from superset.cli.main import superset  # noqa: E402 - it takes seconds, in which the caller may end

superset()
