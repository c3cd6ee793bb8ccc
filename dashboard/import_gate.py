"""Who may run while the engine imports torch: pages that use scipy may not.

scipy looks up `sys.modules["torch"].Tensor` for every array it is given, and fails while another
thread has torch half imported.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Pages pass together; `closed` waits until none is inside, and keeps those that come."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._closing = False

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Inside, together with others; entered only while the gate is open."""
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
        """Alone. One thread may close the gate at a time."""
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
"""Of this process, like the modules it has imported."""
