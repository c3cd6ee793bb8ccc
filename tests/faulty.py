"""What processes of tests/test_faults.py and tests/test_quotas.py do; imports little, so
that they begin at once.
"""

import os
import signal

from ccta_core import whole_files
from ccta_core.config import cache_root
from ccta_core.models import added
from ccta_core.store.files import read_entry, write_entry

KEY = "ab" * 32


def killed_while_writing(cache):
    os.environ["CCTA_CACHE"] = cache
    whole_files.os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
    write_entry(cache_root() / "results", KEY, {"x": 1})


def serve(cache, name, began, problems):
    """What a server does to a cache that it shares: results are kept and read, models are added."""
    os.environ["CCTA_CACHE"] = cache
    began.wait(60)
    root = cache_root() / "results"
    for number in range(30):
        key = f"{number % 3:02x}" * 32
        write_entry(root, key, {"x": "y" * 20_000})
        if read_entry(root, key) != {"x": "y" * 20_000}:
            problems.put(f"{name}: {key}")
        added._change(lambda entries, number=number: [*entries, {"id": f"{name}-{number}"}])


def hold_a_turn(began, go_on):
    from ccta_core.study.run import host

    with host.hold_turn():
        began.set()
        go_on.wait(60)
