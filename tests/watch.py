"""What a long run of the tests says while it runs, in CI's log as on a screen: the name and the
last line of each test that fails, at once, and the name of each that takes long.
"""

import threading
import time

LONG = 180.0  # seconds


class Watch:
    """A plugin of the process that hands out the tests and hears of each."""

    def __init__(self, write, long=LONG, every=15.0, clock=time.monotonic):
        self._write = write
        self._long = long
        self._every = every
        self._clock = clock
        self._running = {}
        self._told = set()
        self._over = threading.Event()

    def pytest_sessionstart(self):
        threading.Thread(target=self._look, daemon=True).start()

    def pytest_sessionfinish(self):
        self._over.set()

    def pytest_runtest_logstart(self, nodeid):
        self._running[nodeid] = self._clock()

    def pytest_runtest_logfinish(self, nodeid):
        started = self._running.pop(nodeid, None)
        if nodeid in self._told and started is not None:
            self._write(f"ended after {self._clock() - started:.0f} s: {nodeid}")

    def pytest_runtest_logreport(self, report):
        if report.failed:
            lines = str(report.longrepr).strip().splitlines() or [""]
            reason = next((line for line in reversed(lines) if line.startswith("E ")), lines[-1])
            self._write(f"failed in {report.when}: {report.nodeid}: {reason.strip()[:300]}")

    def long_running(self):
        """Names each test that runs for long, once."""
        now = self._clock()
        for nodeid, started in list(self._running.items()):
            if now - started > self._long and nodeid not in self._told:
                self._told.add(nodeid)
                self._write(f"still running after {now - started:.0f} s: {nodeid}")

    def _look(self):
        while not self._over.wait(self._every):
            self.long_running()
