"""What this machine's processor can do."""

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
