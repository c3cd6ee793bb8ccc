"""How a `ccta ...` line is written: on pages, in reports, and as the arguments of a process."""

import shlex
from collections.abc import Iterable


def option(name: str, value: object) -> list[str]:
    """`--name value` as arguments; `align_layer` is written `--align-layer`.

    A value that begins with a dash, as a text may ("-Stop!"), would be taken for an option of its
    own: it is written as one argument, `--name=value`.
    """
    flag, text = f"--{name.replace('_', '-')}", str(value)
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]


def command_line(words: Iterable[str]) -> str:
    """`ccta` and its arguments as one line for a POSIX shell, every one of them as it is."""
    return shlex.join(["ccta", *words])
