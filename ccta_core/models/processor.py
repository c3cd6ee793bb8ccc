"""What this machine's processor can do."""

from functools import cache
from pathlib import Path

import torch

_WITHOUT_BFLOAT16 = ("DEFAULT", "NO AVX", "AVX2")
"""Capabilities, as torch names them, whose bfloat16 products are emulated."""


def bfloat16_warning(device: str) -> str:
    """Returns one line where products in bfloat16 are emulated on `device`, else nothing.

    On a processor with AVX2 alone a product of two 512 x 512 matrices was measured at twenty times
    its time in float32; from AVX-512 up, and on a GPU, bfloat16 is no slower.
    """
    capability = torch.backends.cpu.get_cpu_capability()
    if not device.startswith("cpu") or capability not in _WITHOUT_BFLOAT16:
        return ""
    return (
        f"this processor ({capability}) has no instructions for bfloat16, in which products take "
        "many times as long as in float32"
    )


@cache
def mkl_is_slow() -> bool:
    """Whether MKL, which PyTorch multiplies float32 matrices by, leaves AVX-512 unused: on
    processors of AMD that have it.
    """
    try:
        described = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # another system: what is not known to be slow is left as it is
        return False
    wide = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return wide and "AuthenticAMD" in described and torch.backends.mkl.is_available()
