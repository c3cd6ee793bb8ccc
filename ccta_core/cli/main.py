"""Reads the command line, runs one command, turns every failure into one line and an exit code."""

import argparse
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, NoReturn

from ccta_core.cli import (
    adjust,
    bench,
    dashboard,
    data,
    doctor,
    faithfulness,
    models,
    pair,
    sensitivity,
    study,
)
from ccta_core.config import cache_root
from ccta_core.errors import CctaError
from ccta_core.whole_files import disk_problem

_COMMANDS = (
    pair, study, adjust, sensitivity, faithfulness, data, models, bench, dashboard, doctor,
)  # fmt: skip

_EXAMPLES = """examples:
  ccta dashboard
  ccta pair --item ferry-c --source-lang en --target-lang es
  ccta study findings demo-nli

completion in bash and zsh (once, or in the shell's start file):
  eval "$(register-python-argcomplete ccta)"
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one line.

    An option that keeps one value and is given twice is an error: argparse would let the last one
    win, and a study of two models would be one of the second alone.
    """

    _given: frozenset[str] = frozenset()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Returns the options and what is left over, as argparse does."""
        self._given = frozenset()
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """Returns the value of `--source=--` is two dashes: before 3.13 argparse would make it no
        text.
        """
        if action.option_strings and type(action) is argparse._StoreAction:
            if action.dest in self._given:
                raise argparse.ArgumentError(
                    action, "given twice; expected once (a list with commas)"
                )
            self._given |= {action.dest}
        if action.option_strings and action.nargs is None and arg_strings == ["--"]:
            return self._get_value(action, "--")
        return super()._get_values(action, arg_strings)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `ccta` and returns its exit code: 0, or 2 on bad input, or 1 on a failure of ours."""
    _quiet()
    parser = _parser()
    if "_ARGCOMPLETE" in os.environ:  # a shell asks how the line may go on
        from argcomplete import autocomplete

        autocomplete(parser)
    options = parser.parse_args(argv)
    try:
        options.run(options)
    except CctaError as error:
        return _fail(str(error), 2)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone; there is nobody to tell
        return 0
    except KeyboardInterrupt:
        return _fail("stopped", 130)
    except Exception as error:  # noqa: BLE001 - the last boundary: a person never sees a traceback
        if problem := disk_problem(error):
            return _fail(problem, 2)
        if isinstance(error, OSError) and not cache_root().is_dir():
            return _fail(
                f"the cache folder {cache_root()} can't be made ({error.strerror}); set CCTA_CACHE "
                "to a folder that you may write to",
                2,
            )
        if os.environ.get("CCTA_DEBUG"):
            traceback.print_exc()
        line = " ".join(str(error).split())[:300]
        return _fail(f"{type(error).__name__}: {line} (CCTA_DEBUG=1 shows where)", 1)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ccta",
        description="Does a model read a sentence the same in two languages?",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ccta {version('ccta-explorer')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    for command in _COMMANDS:
        command.add(commands)
    return parser


def _fail(line: str, code: int) -> int:
    text = f"ccta: {line}\n"
    sys.stderr.write(text.encode("utf-8", "backslashreplace").decode("utf-8"))
    return code


def _quiet() -> None:
    """Silences libraries, whose notices are not for the person who typed the command; ours go to
    stderr.
    """
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore")
    logging.basicConfig(level=logging.WARNING, format="ccta: %(message)s", stream=sys.stderr)
