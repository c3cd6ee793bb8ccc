"""`ccta bench`: runs one of the benchmarks of the working copy in this process."""

import argparse
import runpy
import sys
from pathlib import Path

from ccta_core.errors import CctaError

FOLDER = Path(__file__).parents[2] / "benchmarks"
NAMES = ("attribution", "transport", "quadrature", "gpu")


def add(commands: argparse._SubParsersAction) -> None:
    """Adds the command to the parser."""
    parser = commands.add_parser(
        "bench",
        help="measure speed and error on this machine, in one run",
        description=(
            "Runs a benchmark and prints its table in Markdown. What follows the name is handed on "
            "to it: ccta bench attribution --help lists it."
        ),
        epilog="example: ccta bench attribution --items 16 --layers 8 --models small",
    )
    parser.add_argument(
        "name", nargs="?", default="attribution", choices=NAMES, help="default: attribution"
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="the benchmark's own options")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Runs the script as `python benchmarks/NAME.py` would.

    Raises CctaError where the benchmarks are not beside the package.
    """
    script = FOLDER / f"{options.name}.py"
    if not script.exists():
        raise CctaError(
            f"the benchmarks are in the working copy, and {script} is not there; "
            "clone the repository and run: make run"
        )
    sys.path.insert(0, str(FOLDER))  # a script finds its neighbours, as it does when run directly
    sys.argv = [str(script), *options.rest]
    runpy.run_path(str(script), run_name="__main__")
