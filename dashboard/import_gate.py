"""A gate that keeps pages that use scipy from running while the engine imports torch.

scipy looks up `sys.modules["torch"].Tensor` for every array it is given, and fails while another
thread has torch half imported.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Lets pages run together; `closed` waits until none runs and holds back those that come."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._closing = False

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Enters the gate, together with others, once it is open."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closing)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Closes the gate and runs alone. One thread may close it at a time."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closing)
            self._closing = True
            self._changed.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            with self._changed:
                self._closing = False
                self._changed.notify_all()


GATE = Gate()
"""The gate of this process, whose imported modules all pages share."""
