"""Style sheets and scripts lie beside the module that shows them."""

from pathlib import Path


def read_beside(module: str, name: str) -> str:
    """The text of the file `name` in the folder of `module`, which is a module's `__file__`."""
    return (Path(module).parent / name).read_text(encoding="utf-8")
