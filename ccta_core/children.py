"""Starts processes: children, which end with the one that started them however that ends, and
others that go on without it and give way to it.

python -m ccta_core.children MODULE ARGUMENT ... (what `start` runs)

A child holds the reading end of a pipe as its standard input. The system closes the writing end
when the parent ends, also where that is killed, and so the child learns of it.
"""

import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from _thread import interrupt_main
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

_PATIENCE = 5.0
"""Seconds in which a child may put away what it has in hand."""
GIVES_WAY = 10
"""Niceness of what goes on by itself: whoever looks at a page is answered first."""


def start(module: str, words: Sequence[str], **settings: Any) -> subprocess.Popen[str]:
    """Starts `python -m MODULE WORDS` as a process that ends with this one.

    `settings` are Popen's. The child ends too when its `stdin` is closed here, so whoever starts it
    keeps the returned value for as long as the work is wanted. Raises OSError where no process can
    be started.
    """
    command = [sys.executable, "-m", __name__, module, *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, text=True, **settings)


def start_apart(
    module: str, words: Sequence[str], log: IO[bytes], **settings: Any
) -> subprocess.Popen[bytes]:
    """Starts `python -m MODULE WORDS` as a process that outlives this one, and gives way to it.

    What it writes goes to `log`; neither Ctrl-C here nor the end of this process reaches it. Raises
    OSError where no process can be started.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", module, *words],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **settings,
    )
    _give_way(process.pid)
    return process


def _give_way(process: int) -> None:
    """Lets a process that leads a session of its own give way to all others.

    Linux shares processors out between sessions first (autogroups, where the kernel has them, as
    desktops' have): niceness alone then counts within a session only.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process, GIVES_WAY)
    with suppress(OSError):
        Path(f"/proc/{process}/autogroup").write_text(str(GIVES_WAY), encoding="ascii")


def main() -> int:
    """Runs a module as a program, until it ends or the parent does."""
    # A job that a shell put in the background ignores SIGINT, and so would what ends this one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    module, *words = sys.argv[1:]
    sys.argv = [module, *words]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:
        return 130
    return 0


def _end_with_parent() -> None:
    while os.read(0, 1024):  # nothing is ever written: it returns when the pipe is closed
        pass
    interrupt_main()  # as Ctrl-C: what is half written is put away
    time.sleep(_PATIENCE)
    os._exit(130)


if __name__ == "__main__":
    sys.exit(main())
