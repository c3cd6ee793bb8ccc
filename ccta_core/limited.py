"""Calls a function in a process of its own, under limits: what a stranger's file may cost.

python -m ccta_core.limited MODULE FUNCTION LIMITS ARGUMENT ... (what `call_limited` runs)

A small file can ask for gigabytes, for hours, or end the process that reads it. Here it asks that
of a process that has little to lose.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from ccta_core import children
from ccta_core.errors import CctaError

_ERROR, _VALUE = "error", "value"
# Each thread of a library reserves address space, of which the process has little.
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
_AT_ONCE = threading.BoundedSemaphore(2)
"""What several people hand in at once takes no more than two processes' memory."""
_PATIENCE = 120
"""Seconds to wait for one of them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a call may take: memory (address space, MiB), processor and wall time (seconds), and
    the size of a file that it writes (MiB); `thing` is what it reads, for the messages.
    """

    memory: int = 1024
    processor: int = 30
    wall: int = 90
    written: int = 64
    thing: str = "file"


def call_limited(
    function: Callable[..., Any], arguments: tuple[str, ...], limits: Limits, what: str
) -> Any:
    """Returns what a module's function returns for the arguments: plain values, as JSON has them.

    Raises CctaError (one line that begins with `what`) where it exceeds a limit or ends without an
    answer, and where the function raises one.
    """
    words = [function.__module__, function.__qualname__, json.dumps(asdict(limits)), *arguments]
    if not _AT_ONCE.acquire(timeout=_PATIENCE):
        raise CctaError(f"{what} could not be read yet: others are being read; try again")
    try:
        code, text = _run(words, limits, what)
    finally:
        _AT_ONCE.release()
    if code == -signal.SIGXCPU:
        raise CctaError(_too_slow(what, limits.processor, limits))
    if code == -signal.SIGXFSZ:
        raise CctaError(
            f"{what} has a file of more than {limits.written} MiB; expected a smaller "
            f"{limits.thing}"
        )
    try:
        told = json.loads(text)
    except ValueError:
        told = {}
    if _ERROR in told:
        raise CctaError(told[_ERROR])
    if _VALUE not in told:
        raise CctaError(
            f"{what} could not be read: its reader ended without an answer (code {code}; was there "
            f"too little memory?); expected a whole {limits.thing}, or a smaller one"
        )
    return told[_VALUE]


def _run(words: list[str], limits: Limits, what: str) -> tuple[int, bytes]:
    """Runs the process; its exit code and what it wrote."""
    with (
        tempfile.TemporaryFile() as answer,
        children.start(
            "ccta_core.limited", words, stdout=answer, stderr=subprocess.DEVNULL,
            env=os.environ | _ONE_THREAD,
        ) as child,
    ):  # fmt: skip
        try:
            code = child.wait(limits.wall)
        except subprocess.TimeoutExpired:
            child.kill()
            raise CctaError(_too_slow(what, limits.wall, limits)) from None
        answer.seek(0)
        return code, answer.read()


def _too_slow(what: str, seconds: int, limits: Limits) -> str:
    return (
        f"{what} took more than {seconds} seconds to read; expected a smaller or simpler "
        f"{limits.thing}"
    )


def main() -> None:
    """Sets the limits, calls the function, writes its answer or its error as JSON."""
    module, function, limits, *arguments = sys.argv[1:]
    allowed = Limits(**json.loads(limits))
    _limit(allowed)
    try:
        answer = {_VALUE: getattr(importlib.import_module(module), function)(*arguments)}
    except CctaError as error:
        answer = {_ERROR: str(error)}
    except MemoryError:
        answer = {
            _ERROR: f"it takes more than {allowed.memory} MiB of memory to read; expected a "
            f"smaller or simpler {allowed.thing}"
        }
    sys.stdout.write(json.dumps(answer))


def _limit(limits: Limits) -> None:
    import resource

    memory, written = limits.memory << 20, limits.written << 20
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (written, written))
    # The soft limit ends the process by SIGXCPU, by which it is known; the hard one for certain.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.processor, limits.processor + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
