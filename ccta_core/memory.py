"""How much memory is free, and the most that this process has held."""

import sys
from pathlib import Path


def free_bytes() -> int | None:
    """Returns the memory that is free, as Linux reckons it; None on other systems."""
    kilobytes = _kilobytes(Path("/proc/meminfo"), "MemAvailable")
    return None if kilobytes is None else 1024 * kilobytes


def peak_megabytes() -> int:
    """Returns the most memory that this program has held (MiB).

    `getrusage` has the most that the process has held under any program: a small one that a large
    one started would be told with its parent's.
    """
    kilobytes = _kilobytes(Path("/proc/self/status"), "VmHWM")
    if kilobytes is not None:
        return kilobytes // 1024
    import resource  # not on every system

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _kilobytes(path: Path, name: str) -> int | None:
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    line = next((line for line in lines if line.startswith(f"{name}:")), None)
    return None if line is None else int(line.split()[1])
