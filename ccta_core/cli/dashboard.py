"""`ccta dashboard`: starts the Streamlit app of this working copy."""

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

from ccta_core.errors import CctaError


def add(commands: argparse._SubParsersAction) -> None:
    """Declares the command and its flags."""
    parser = commands.add_parser("dashboard", help="open the dashboard", epilog="ccta dashboard")
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, default=8501)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Runs the app until it is stopped.

    Raises CctaError where the port is out of range or the app is not installed.
    """
    if not 1 <= options.port <= 65535:
        raise CctaError(f"port {options.port} is out of range; expected 1 to 65535")
    spec = importlib.util.find_spec("dashboard")
    folders = list(spec.submodule_search_locations or []) if spec else []
    if not folders:
        raise CctaError("the dashboard is not installed; run: pip install -e . in the project")
    app = Path(folders[0]) / "app.py"
    address = [f"--server.address={options.host}", f"--server.port={options.port}"]
    command = [sys.executable, "-m", "streamlit", "run", str(app), *address]
    finished = subprocess.run(command, cwd=app.parent.parent, check=False)
    if finished.returncode not in (0, 130, -2):
        raise CctaError(
            f"streamlit stopped with exit code {finished.returncode}; is the port free?"
        )
