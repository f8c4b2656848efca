"""Runs one command and prints what it took, as JSON: seconds of wall time, peak memory, exit status.

A program of its own that loads next to nothing: a child's peak memory counts what its parent held when it was started,
so that a benchmark which holds large rounds would report its own memory as the command's.
"""

import json
import os
import signal
import subprocess
import sys
import time


def main() -> int:
    """`launch.py SECONDS FILE COMMAND …`: gives up after SECONDS; what the command says goes to FILE."""
    limit_s, file, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    with open(file, "wb") as said:  # noqa: PTH123  one import less
        began = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        signal.signal(signal.SIGALRM, lambda *_: child.kill())
        signal.alarm(limit_s)
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
    figures = {
        "seconds": round(seconds, 3),
        "peak_mb": round(used.ru_maxrss * 1024 / 1_000_000, 1),
        "exit_status": os.waitstatus_to_exitcode(status),
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
