"""What this machine's processor can do."""

from functools import cache
from pathlib import Path

import torch

from ccta_core.errors import CctaError


def device_of(name: str | None) -> str:
    """Returns a device by its name; by default the GPU where there is one, else the processor.

    Raises CctaError (one line) where PyTorch knows no such device, or it is not here.
    """
    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        here = "cpu or cuda" if torch.cuda.is_available() else "cpu, the only one here"
        raise CctaError(f"there is no device {name!r}; expected {here}") from error
    return name


@cache
def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 matrices as fast as float32 ones, as oneDNN sees
    it: on x86 from AVX-512 up. Not where PyTorch was built without oneDNN.
    """
    with_onednn = torch.backends.mkldnn.is_available()
    return with_onednn and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def bfloat16_warning(device: str) -> str:
    """Returns one line where products in bfloat16 bring no speed on `device`, else nothing."""
    if not device.startswith("cpu") or has_bfloat16():
        return ""
    return (
        "this processor has no instructions for bfloat16: products are taken in float32 and "
        "rounded, which is no quicker than float32"
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
