"""`ccta dashboard`: becomes the Streamlit server of this working copy."""

import argparse
import errno
import importlib.util
import os
import socket
import sys
from base64 import urlsafe_b64encode
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path

from ccta_core.errors import CctaError
from ccta_core.health import metrics_place
from ccta_core.permissions import VARIABLE
from ccta_core.quotas import LIMITS, read_amount

_EVERYWHERE = ("0.0.0.0", "::")
_HOSTS, _METRICS = "CCTA_HOSTS", "CCTA_METRICS"
_HOME = Path(__file__).parents[2]
"""The folder of `ccta_core` and of the dashboard that belongs to it: a clone, or site-packages."""
_PLACES = ("CCTA_CACHE", "CCTA_SHARED_DATA")
"""Variables that name folders: what they name must not depend on where the server runs."""


def add(commands: argparse._SubParsersAction) -> None:
    """Declares the command and its flags."""
    parser = commands.add_parser("dashboard", help="open the dashboard", epilog="ccta dashboard")
    parser.add_argument("--host", default="localhost", help="address to listen at (localhost)")
    parser.add_argument("--port", type=int, default=8501, help="port to listen at (8501)")
    parser.add_argument(
        "--read-only",
        action="store_true",
        help=f"to look and compare only: nothing is started, kept or deleted ({VARIABLE}=1)",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help=f"a name under which it is reached, such as a proxy's; may be repeated ({_HOSTS})",
    )
    parser.add_argument(
        "--metrics",
        metavar="[ADDRESS:]PORT",
        help=f"serve metrics for Prometheus there, off unless it is given ({_METRICS})",
    )
    for name, limit in LIMITS.items():
        usual = "" if limit.shared is None else f"; {limit.shared:,} where people are told apart"
        parser.add_argument(
            limit.flag,
            dest=name,
            metavar="N",
            help=f"the most {limit.what}, or off{usual} ({limit.variable})",
        )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Runs the app until this process is ended; the server is this process, no child of it.

    So a signal from whoever started it (Ctrl-C, SIGTERM, the end of its terminal) reaches the
    server, and nothing is left that holds the port. Raises CctaError where the port is out of
    range or taken, the host is no address of this machine, or the app is not installed.
    """
    if not 1 <= options.port <= 65535:
        raise CctaError(f"port {options.port} is out of range; expected 1 to 65535")
    if not (_HOME / "dashboard" / "app.py").exists() or not importlib.util.find_spec("streamlit"):
        raise CctaError("the dashboard is not installed; run: pip install -e . in the project")
    _check_whole()
    _check_free(options.host, options.port)
    for name in _PLACES:
        if os.environ.get(name):
            os.environ[name] = str(Path(os.environ[name]).absolute())
    if options.read_only:
        os.environ[VARIABLE] = "1"
    if place := (options.metrics or os.environ.get(_METRICS, "")).strip():
        where, metrics_port = metrics_place(place)
        if metrics_port == options.port:
            raise CctaError(f"port {metrics_port} is the pages'; name another for --metrics")
        _check_free(where, metrics_port, "--metrics")
        os.environ[_METRICS] = place
    for name, limit in LIMITS.items():
        text = getattr(options, name) or os.environ.get(limit.variable, "").strip()
        if text:
            read_amount(text, limit.flag if getattr(options, name) else limit.variable)
            os.environ[limit.variable] = text
    if options.allow_host:
        os.environ[_HOSTS] = ",".join(options.allow_host)
    # `-m` finds the dashboard here before any other, and no settings of where it was started.
    os.chdir(_HOME)
    # The guard of the server checks hosts (dashboard/guard.py), numbers and given names among them.
    address = [
        f"--server.address={options.host}", f"--server.port={options.port}",
        "--server.allowedHosts=*",
    ]  # fmt: skip
    if options.host in _EVERYWHERE:
        # Else Streamlit asks a site outside for the address by which the world sees this machine.
        address.append(f"--browser.serverAddress={socket.gethostname()}")
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "dashboard", *address])


def _check_whole() -> None:
    """Raises CctaError where a file of the installed dashboard is not the one that was installed.

    Another distribution with a module `dashboard` would lie in the same folder
    (docs/decisions/0013-installed-names.md). A working copy has no record to compare with.
    """
    for file in distribution("ccta-explorer").files or ():
        if file.parts[0] != "dashboard" or file.suffix != ".py" or file.hash is None:
            continue
        digest = sha256(Path(str(file.locate())).read_bytes()).digest()
        if urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
            raise CctaError(
                f"{file} is not the file that was installed, perhaps that of another package with "
                "a module named dashboard; install CCTA Explorer in an environment of its own"
            )


def _check_free(host: str, port: int, flag: str = "--port") -> None:
    """Raises CctaError where a server can't listen there, and says why; `flag` names the port."""
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise CctaError(
            f"host {host!r} is no address of this machine ({error}); expected one such as "
            "localhost, or 0.0.0.0 for all"
        ) from error
    for family, kind, protocol, _, place in places:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(place)
                probe.listen(1)
            except OSError as error:
                if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) and len(places) > 1:
                    continue  # a name with addresses of two families, one of which is not in use
                raise CctaError(_explain_busy_port(error, host, port, flag)) from error


def _explain_busy_port(error: OSError, host: str, port: int, flag: str) -> str:
    if error.errno == errno.EADDRINUSE and flag != "--port":
        return f"port {port} of {host} is in use; name another with {flag}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {host} is in use, perhaps by a dashboard that runs already; open "
            f"http://{host}:{port}, or name another port with --port {port + 1}"
        )
    if error.errno == errno.EACCES:
        return f"port {port} may not be used ({error.strerror}); name one above 1023 with {flag}"
    return (
        f"nothing can listen at {host} ({error.strerror}); expected an address of this machine, "
        "such as localhost, or 0.0.0.0 for all"
    )
