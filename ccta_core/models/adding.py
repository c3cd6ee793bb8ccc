"""Adds a model in a process of its own, so that the one that asks loads no weights."""

import subprocess

from ccta_core import children
from ccta_core.errors import CctaError
from ccta_core.models.added import checked_name

_OURS = "ccta: "


def add_apart(name: str) -> str:
    """Checks and adds the model and returns its id; waits until it is loaded, which may be long.

    Raises CctaError as `added.add`.
    """
    model_id = checked_name(name)
    words = ["models", "add", model_id]
    with children.start(
        "ccta_core", words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as child:
        messages = child.stderr.read() if child.stderr else ""
        code = child.wait()
    if code == 0:
        return model_id
    last = (messages.strip().splitlines() or ["it ended without a word"])[-1]
    if code == 2 and last.startswith(_OURS):
        raise CctaError(last.removeprefix(_OURS))
    raise CctaError(
        f"{model_id} could not be loaded ({last[:200]}); was there too little memory? Try a "
        "smaller model"
    )
