"""Options and last step that `models publish` and `study publish` share."""

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares where the folder is written and where it is sent."""
    parser.add_argument("--to", required=True, metavar="FOLDER", help="empty or not there yet")
    parser.add_argument("--push", metavar="OWNER/NAME", help="then send it to the Hub")
    parser.add_argument("--private", action="store_true", help="visible to its owner alone")


def finish(folder: Path, options: argparse.Namespace, kind: str) -> None:
    """Sends the folder where that is asked for, and writes where everything is."""
    from ccta_core.publishing import push

    sys.stdout.write(f"{folder}\n")
    if options.push:
        sys.stdout.write(f"{push(folder, options.push, kind, private=options.private)}\n")
